package judge

import (
	"fmt"

	"github.com/polybolt/polybolt/multilang"
)

// breach is a rule that a message breaks.
type breach struct{ rule, what string }

func breaks(rule, format string, args ...any) *breach {
	return &breach{rule, fmt.Sprintf(format, args...)}
}

// boltFrame is a frame that was sent to a bolt.
type boltFrame struct {
	seq     uint32
	covered int
	rows    []state
}

// ledger knows every row that was sent to a bolt. It holds each reply against
// the rules, and notes what it means.
type ledger struct {
	t      *Transcript
	seen   *seen
	frames []*boltFrame // in the order they were sent
	asks   []int        // requests for task ids that are not answered
}

func (l *ledger) add(seq uint32, rows int) {
	l.frames = append(l.frames, &boltFrame{seq: seq, rows: make([]state, rows)})
}

// state returns what is known of a row; ok is false if it was never sent.
func (l *ledger) state(r ref) (s *state, ok bool) {
	for _, f := range l.frames {
		if f.seq == r.seq && int(r.row) < len(f.rows) {
			return &f.rows[r.row], true
		}
	}
	return nil, false
}

// next returns the frame whose turn it is.
func (l *ledger) next() *boltFrame {
	for _, f := range l.frames {
		if f.covered < len(f.rows) {
			return f
		}
	}
	return nil
}

// reply takes a reply.
func (l *ledger) reply(m *multilang.FromChild) *breach {
	f, b := l.covers(m)
	if b != nil {
		return b
	}
	for i := range m.Groups {
		if b := l.group(&m.Groups[i], m, f); b != nil {
			return b
		}
	}
	ended := map[ref]bool{}
	if b := l.ends(m, ended); b != nil {
		return b
	}
	return l.cover(m, f, ended)
}

// covers checks which rows a reply says it covers.
func (l *ledger) covers(m *multilang.FromChild) (*boltFrame, *breach) {
	if m.Seq == 0 {
		if m.N != 0 {
			return nil, breaks("unasked", "a reply to frame 0 covers %d rows", m.N)
		}
		return nil, nil
	}
	f := l.next()
	switch {
	case f == nil:
		return nil, breaks("order", "a reply to frame %d: all frames are covered already", m.Seq)
	case m.Seq != f.seq:
		return nil, breaks("order", "a reply to frame %d: frame %d comes first, %d of its %d rows are covered", m.Seq, f.seq, f.covered, len(f.rows))
	case int(m.First) != f.covered:
		return nil, breaks("order", "first is %d, but %d rows of frame %d were covered before", m.First, f.covered, f.seq)
	case f.covered+m.N > len(f.rows):
		return nil, breaks("order", "rows %d to %d of frame %d are covered, which has %d rows", m.First, f.covered+m.N-1, f.seq, len(f.rows))
	}
	return f, nil
}

// group checks one group and notes its rows.
func (l *ledger) group(g *multilang.Group, m *multilang.FromChild, f *boltFrame) *breach {
	anchors, b := l.anchors(g, m, f)
	if b != nil {
		return b
	}
	for _, x := range g.Multi {
		refs, b := l.refs("multi", x.Refs)
		if b != nil {
			return b
		}
		anchors[x.Row] = refs
	}
	l.seen.note(l.t, g, func(i int, e *emission) { e.anchors = anchors[i] })
	if g.IDs >= 0 {
		l.asks = append(l.asks, g.IDs)
	}
	return nil
}

// anchors returns what each row of a group is anchored to by how.
func (l *ledger) anchors(g *multilang.Group, m *multilang.FromChild, f *boltFrame) ([][]ref, *breach) {
	out := make([][]ref, g.N)
	switch g.How {
	case multilang.AnchorEach:
		if g.N != m.N {
			return nil, breaks("how1", "%d rows for %d covered rows", g.N, m.N)
		}
		for i := range out {
			out[i] = []ref{{m.Seq, m.First + uint32(i)}}
		}
	case multilang.AnchorEnds:
		return out, l.byEnds(out, g, m, f)
	case multilang.AnchorRefs:
		refs, b := l.refs("how3", g.Anchors)
		if b != nil {
			return nil, b
		}
		if len(refs) != g.N {
			return nil, breaks("how3", "%d pairs for %d rows", len(refs), g.N)
		}
		for i := range out {
			out[i] = refs[i : i+1]
		}
	}
	return out, nil
}

func (l *ledger) byEnds(out [][]ref, g *multilang.Group, m *multilang.FromChild, f *boltFrame) *breach {
	if g.Anchors.Len() != m.N {
		return breaks("how2", "%d ends for %d covered rows", g.Anchors.Len(), m.N)
	}
	at := uint32(0)
	for row := range m.N {
		end := g.Anchors.At(row)
		if end < at || int(end) > g.N {
			return breaks("how2", "end %d of covered row %d: the one before is %d, and the group has %d rows", end, row, at, g.N)
		}
		for ; at < end; at++ {
			out[at] = []ref{{m.Seq, m.First + uint32(row)}}
		}
	}
	if int(at) < g.N && (f == nil || f.covered+m.N >= len(f.rows)) {
		return breaks("how2", "%d rows come after the last end, but there is no next row", g.N-int(at))
	}
	for ; int(at) < g.N; at++ {
		out[at] = []ref{{m.Seq, m.First + uint32(m.N)}}
	}
	return nil
}

// refs reads pairs that must name rows that are not over.
func (l *ledger) refs(rule string, u multilang.U32s) ([]ref, *breach) {
	if u.Len()%2 != 0 {
		return nil, breaks(rule, "%d numbers are no pairs", u.Len())
	}
	refs := make([]ref, u.Len()/2)
	for i := range refs {
		r := ref{u.At(2 * i), u.At(2*i + 1)}
		s, ok := l.state(r)
		switch {
		case !ok:
			return nil, breaks(rule, "row %s was never sent", r)
		case s.over():
			return nil, breaks(rule, "row %s was %s before", r, *s)
		}
		refs[i] = r
	}
	return refs, nil
}

// ends takes acked and late, the rows that end apart from being covered, and
// adds them to ended.
func (l *ledger) ends(m *multilang.FromChild, ended map[ref]bool) *breach {
	for i := range m.Acked.Len() / 2 {
		r := ref{m.Acked.At(2 * i), m.Acked.At(2*i + 1)}
		if b := l.end("acked", r, outcome{state: acked}); b != nil {
			return b
		}
		ended[r] = true
	}
	for i := range m.Late {
		e := &m.Late[i]
		r := ref{e.Seq, uint32(e.Row)}
		if b := l.end("late", r, outcome{failed, e.Err}); b != nil {
			return b
		}
		ended[r] = true
	}
	return nil
}

func (l *ledger) end(rule string, r ref, o outcome) *breach {
	s, ok := l.state(r)
	switch {
	case !ok:
		return breaks(rule, "row %s was never sent", r)
	case s.over():
		return breaks(rule, "row %s was %s before", r, *s)
	}
	*s = o.state
	l.seen.set(r, o)
	return nil
}

// cover takes the covered rows: failed, held, or acked. One that is held may have
// ended by the same reply.
func (l *ledger) cover(m *multilang.FromChild, f *boltFrame, ended map[ref]bool) *breach {
	side := map[uint32]outcome{}
	for i := range m.Failed {
		side[uint32(m.Failed[i].Row)] = outcome{failed, m.Failed[i].Err}
	}
	for i := range m.Held.Len() {
		if _, both := side[m.Held.At(i)]; both {
			return breaks("held", "row %d is failed, too", m.Held.At(i))
		}
		side[m.Held.At(i)] = outcome{state: held}
	}
	if len(side) != len(m.Failed)+m.Held.Len() {
		return breaks("failed", "a row is named twice")
	}
	for row, o := range side {
		rule := map[state]string{failed: "failed", held: "held"}[o.state]
		if f == nil || row < m.First || int(row) >= int(m.First)+m.N {
			return breaks(rule, "row %d is not one of the rows that this reply covers", row)
		}
		if f.rows[row].over() && !(o.state == held && ended[ref{f.seq, row}]) {
			return breaks(rule, "row %d was %s before", row, f.rows[row])
		}
	}
	if f == nil {
		return nil
	}
	for range m.N {
		row := uint32(f.covered)
		f.covered++
		if f.rows[row].over() {
			continue
		}
		o, ok := side[row]
		if !ok {
			o.state = acked
		}
		f.rows[row] = o.state
		l.seen.set(ref{f.seq, row}, o)
	}
	return nil
}

// note takes down the rows of a group; finish completes each.
func (s *seen) note(t *Transcript, g *multilang.Group, finish func(i int, e *emission)) {
	stream := t.welcome.Outputs[g.Stream].Stream
	cols := make([][]any, len(g.Cols))
	for k, c := range g.Cols {
		cols[k] = c.Values(g.N)
	}
	for i := range g.N {
		e := emission{direct: -1, ids: g.IDs >= 0}
		for k := range cols {
			e.values = append(e.values, cols[k][i])
		}
		if g.Direct.Len() > 0 {
			e.direct = int(g.Direct.At(i))
		}
		finish(i, &e)
		s.emitted[stream] = append(s.emitted[stream], e)
	}
}
