package storm

import (
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/multilang"
)

// show writes a message for the host in one line.
func show(m *multilang.FromChild) string {
	var b strings.Builder
	switch m.Type {
	case multilang.TypeReady:
		fmt.Fprintf(&b, "ready replays=%t", m.Ready.Replays)
	case multilang.TypeReply:
		fmt.Fprintf(&b, "reply %d first %d rows %d", m.Seq, m.First, m.N)
	case multilang.TypeRows:
		fmt.Fprintf(&b, "rows %d first %d final=%t", m.Seq, m.First, m.Final)
	case multilang.TypeLog:
		fmt.Fprintf(&b, "log %d %s", m.Level, m.Text)
	case multilang.TypeError:
		fmt.Fprintf(&b, "error %s: %s", m.Err.Type, m.Err.Message)
	case multilang.TypeMetric:
		fmt.Fprintf(&b, "metric %v", m.Metric)
	}
	for _, g := range m.Groups {
		fmt.Fprintf(&b, "; stream %d", g.Stream)
		switch g.How {
		case multilang.AnchorEach:
			b.WriteString(" each")
		case multilang.AnchorEnds:
			fmt.Fprintf(&b, " ends%v", numbers(g.Anchors))
		case multilang.AnchorRefs:
			fmt.Fprintf(&b, " refs%v", numbers(g.Anchors))
		}
		for _, x := range g.Multi {
			fmt.Fprintf(&b, " multi %d%v", x.Row, numbers(x.Refs))
		}
		if len(g.Direct) > 0 {
			fmt.Fprintf(&b, " direct%v", numbers(g.Direct))
		}
		if g.IDs >= 0 {
			fmt.Fprintf(&b, " ids %d", g.IDs)
		}
		cols := make([][]any, len(g.Cols))
		for k, c := range g.Cols {
			cols[k] = c.Values(g.N)
		}
		for i := range g.N {
			row := make([]any, len(cols))
			for k := range cols {
				row[k] = cols[k][i]
			}
			fmt.Fprintf(&b, " %v", row)
		}
	}
	for _, f := range m.Failed {
		fmt.Fprintf(&b, "; failed %d %s", f.Row, shown(&f.Err))
	}
	if len(m.Held) > 0 {
		fmt.Fprintf(&b, "; held%v", numbers(m.Held))
	}
	if len(m.Acked) > 0 {
		fmt.Fprintf(&b, "; acked%v", numbers(m.Acked))
	}
	for _, f := range m.Late {
		fmt.Fprintf(&b, "; late %d.%d %s", f.Seq, f.Row, shown(&f.Err))
	}
	return b.String()
}

func shown(e *multilang.Error) string {
	if e.Kind == "fail" {
		return "asked for"
	}
	return e.Type + ": " + e.Message
}

func numbers(u multilang.U32s) []uint32 {
	out := make([]uint32, u.Len())
	for i := range out {
		out[i] = u.At(i)
	}
	return out
}
