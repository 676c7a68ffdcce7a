package worker

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// A stream is read with direct grouping by all of its readers or by none
// (topology.checkDirect). A row that names no task on a stream of the first
// kind, or names one on any other, would be delivered to nobody and count as
// done; so would one for a task that does not read it. Our SDKs raise in emit,
// as the welcome tells them who reads what; for all others the row is refused
// here: what it came from fails, and its neighbours go their way.

// directTo returns, for each stream of a task that is read with direct
// grouping, the tasks that read it.
func (t *task) directTo() multilang.ComponentTasks {
	to := multilang.ComponentTasks{}
	for i, edges := range t.edges {
		for _, e := range edges {
			if e.group.IsDirect() {
				name := string(t.comp.sources[i].Stream)
				for _, in := range e.to.inboxes {
					to[name] = append(to[name], int(in.task))
				}
			}
		}
	}
	for _, tasks := range to {
		slices.Sort(tasks)
	}
	return to
}

// isDirect tells whether a stream with these edges is read with direct grouping.
func isDirect(edges []*edge) bool {
	return len(edges) > 0 && edges[0].group.IsDirect()
}

// astray returns the rows of a group that nobody would get.
func (t *task) astray(g *multilang.Group) (rows []int) {
	edges := t.edges[g.Stream]
	if direct := isDirect(edges); direct != (len(g.Direct) > 0) {
		for row := range g.N {
			rows = append(rows, row)
		}
		return rows
	}
	for row := range g.Direct.Len() {
		if !slices.ContainsFunc(edges, func(e *edge) bool { return e.group.Has(topology.TaskID(g.Direct.At(row))) }) {
			rows = append(rows, row)
		}
	}
	return rows
}

// astrayError says why a row of a group would reach nobody.
func (t *task) astrayError(g *multilang.Group, row int) *multilang.Error {
	names, task := len(g.Direct) > 0, 0
	if names {
		task = int(g.Direct.At(row))
	}
	stream := string(t.comp.sources[g.Stream].Stream)
	return &multilang.Error{Kind: "exception", Type: "EmitError",
		Message: fmt.Sprintf("%s: %s", t.comp.ID, multilang.Astray(stream, t.directTo()[stream], names, task))}
}

// refuse takes the rows that would reach nobody out of a bolt's reply, and
// fails the rows that they are anchored to.
func (t *task) refuse(m *multilang.FromChild) error {
	for i := 0; i < len(m.Groups); i++ {
		g := &m.Groups[i]
		bad := t.astray(g)
		if len(bad) == 0 {
			continue
		}
		from, err := anchorsOf(nil, g, m)
		if err != nil {
			return err
		}
		for _, row := range bad {
			e := t.astrayError(g, row)
			refs := refsOf(g, m, from, row)
			if len(refs) == 0 {
				t.w.report(t, e, culprit{})
			}
			for _, at := range refs {
				blameFor(m, at, e)
			}
		}
		if len(bad) < g.N {
			*g = without(g, bad, from, m.N)
			continue
		}
		if g.IDs >= 0 {
			t.answerTasks(uint32(g.IDs), nil)
		}
		m.Groups = slices.Delete(m.Groups, i, i+1)
		i--
	}
	return nil
}

// refsOf returns the input rows that an emitted one is anchored to.
func refsOf(g *multilang.Group, m *multilang.FromChild, from []int32, row int) (refs []ref) {
	pairs := multilang.U32s(nil)
	at := slices.IndexFunc(g.Multi, func(x multilang.Multi) bool { return x.Row == row })
	switch {
	case at >= 0:
		pairs = g.Multi[at].Refs
	case g.How == multilang.AnchorRefs:
		pairs = g.Anchors[8*row : 8*row+8]
	case from[row] >= 0 && m.Seq != 0:
		return []ref{{m.Seq, m.First + uint32(from[row])}}
	}
	for i := range pairs.Len() / 2 {
		refs = append(refs, ref{pairs.At(2 * i), pairs.At(2*i + 1)})
	}
	return refs
}

// blameFor has a reply say that an input row failed, instead of what it says of it.
func blameFor(m *multilang.FromChild, at ref, e *multilang.Error) {
	same := func(x multilang.RowError) bool { return x.Seq == at.seq && x.Row == int(at.row) }
	covered := at.seq == m.Seq && at.row >= m.First && at.row < m.First+uint32(m.N)
	if slices.ContainsFunc(m.Late, same) || covered && slices.ContainsFunc(m.Failed, func(x multilang.RowError) bool { return x.Row == int(at.row) }) {
		return // its first error stands
	}
	var acked multilang.U32s
	for i := range m.Acked.Len() / 2 {
		if m.Acked.At(2*i) != at.seq || m.Acked.At(2*i+1) != at.row {
			acked = append(acked, m.Acked[8*i:8*i+8]...)
		}
	}
	m.Acked = acked
	held := false
	for i := range m.Held.Len() {
		held = held || m.Held.At(i) == at.row
	}
	if covered && !held {
		m.Failed = append(m.Failed, multilang.RowError{Row: int(at.row), Err: *e})
	} else {
		m.Late = append(m.Late, multilang.RowError{Seq: at.seq, Row: int(at.row), Err: *e})
	}
}

// without returns a group of a reply that covers n rows, less some of its rows.
func without(g *multilang.Group, bad []int, from []int32, n int) multilang.Group {
	var keep []int
	moved := map[int]int{}
	for row := range g.N {
		if _, is := slices.BinarySearch(bad, row); !is {
			moved[row] = len(keep)
			keep = append(keep, row)
		}
	}
	out := pick(g, keep)
	out.How = g.How
	switch g.How {
	case multilang.AnchorEach, multilang.AnchorEnds:
		out.How = multilang.AnchorEnds
		end := 0
		for i := range n {
			for end < len(keep) && int(from[keep[end]]) <= i {
				end++
			}
			out.Anchors = binary.LittleEndian.AppendUint32(out.Anchors, uint32(end))
		}
	case multilang.AnchorRefs:
		for _, row := range keep {
			out.Anchors = append(out.Anchors, g.Anchors[8*row:8*row+8]...)
		}
	}
	for _, x := range g.Multi {
		if row, ok := moved[x.Row]; ok {
			out.Multi = append(out.Multi, multilang.Multi{Row: row, Refs: x.Refs})
		}
	}
	return out
}

// pick returns some rows of a group, with nothing said of their anchors.
func pick(g *multilang.Group, rows []int) multilang.Group {
	out := multilang.Group{Stream: g.Stream, N: len(rows), IDs: -1}
	var index multilang.Index
	for _, c := range g.Cols {
		index.Set(c, g.N)
		var b multilang.Builder
		for _, row := range rows {
			b.Add(&index, row)
		}
		out.Cols = append(out.Cols, b.Column())
	}
	for _, row := range rows {
		if len(g.Direct) > 0 {
			out.Direct = append(out.Direct, g.Direct[4*row:4*row+4]...)
		}
	}
	return out
}

// toDirect delivers the rows of a group that are for one of several readers of
// a stream with direct grouping.
func (r *router) toDirect(in *input, e *edge, g *multilang.Group, from []int32, refs map[int][]acker.Root) {
	var rows []int
	var theirs []int32
	some := map[int][]acker.Root{}
	for row := range g.N {
		if e.group.Has(topology.TaskID(g.Direct.At(row))) {
			if roots, ok := refs[row]; ok {
				some[len(rows)] = roots
			}
			rows, theirs = append(rows, row), append(theirs, from[row])
		}
	}
	if len(rows) == 0 {
		return
	}
	part := pick(g, rows)
	r.anchor(in, theirs, some)
	r.send(e, r.t.comp.sources[g.Stream], &part, theirs, false)
}

// sound returns a spout's group less the rows that would reach nobody, which
// stay open.
func (t *task) sound(in *input, g *multilang.Group, bad []int) *multilang.Group {
	in.open = map[int]bool{}
	for _, row := range bad {
		in.open[row] = true
	}
	var keep []int
	r := t.router
	r.from = r.from[:0]
	for row := range g.N {
		if !in.open[row] {
			keep, r.from = append(keep, row), append(r.from, int32(row))
		}
	}
	out := pick(g, keep)
	return &out
}

// giveUp fails the rows of a spout that would reach nobody, at once and for
// good: another attempt would end the same way.
func (t *task) giveUp(g *multilang.Group, bad []int, roots []acker.Root) {
	for _, row := range bad {
		f := t.failureOf(t.astrayError(g, row), culprit{})
		f.hopeless = true
		if len(roots) > 0 {
			t.ledger.fail(roots[row], f)
		}
	}
}
