package storm

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/polybolt/polybolt/multilang"
)

var le = binary.LittleEndian

// emits gathers what a child emitted until it is handed over, as the groups of
// one message.
type emits struct {
	streams map[string]int // of the component's outputs
	groups  []*group
	used    int
	count   int // rows
	size    int // bytes, nearly
	asked   bool
	asks    bool // some row's tasks are asked for

	// A bolt's reply.
	frame  *rows  // whose rows it covers; nil until one is known
	seq    uint32 // of that frame
	first  int
	n      int // covered rows
	failed []multilang.RowError
	late   []multilang.RowError
	held   []byte // u32s
	acked  []byte // u32s of pairs

	out []multilang.Group
}

// group is rows emitted on one stream in one way.
type group struct {
	stream  int
	n       int
	cols    []multilang.Builder
	refs    []ref // of each row with one anchor; the zero ref otherwise
	multi   []multilang.Multi
	none    int // rows without an anchor
	direct  []byte
	ids     int // request; -1: none
	tracked bool
}

// ref names a row in the child. seq 0 stands for none.
type ref struct{ seq, row uint32 }

func (e *emits) reset() {
	e.used, e.count, e.size, e.frame, e.seq, e.first, e.n, e.asks = 0, 0, 0, nil, 0, 0, 0, false
	e.failed, e.late, e.held, e.acked = e.failed[:0], e.late[:0], e.held[:0], e.acked[:0]
}

// group returns the group for a row: the last one if it is of the same kind,
// so that rows keep their order.
func (e *emits) group(stream, fields int, direct, ids, tracked bool) *group {
	if e.used > 0 && !ids {
		if g := e.groups[e.used-1]; g.stream == stream && g.ids < 0 && (len(g.direct) > 0) == direct && g.tracked == tracked {
			return g
		}
	}
	if e.used == len(e.groups) {
		e.groups = append(e.groups, &group{})
	}
	g := e.groups[e.used]
	e.used++
	*g = group{stream: stream, cols: g.cols, refs: g.refs[:0], multi: g.multi[:0], direct: g.direct[:0], ids: -1, tracked: tracked}
	for len(g.cols) < fields {
		g.cols = append(g.cols, multilang.Builder{})
	}
	g.cols = g.cols[:fields]
	for k := range g.cols {
		g.cols[k].Reset()
	}
	return g
}

// emit takes an emit of the child.
func (a *Adapter) emit(m *message) {
	if m.problem != "" {
		a.breach(RuleFields, m.problem)
	} else if m.wrong(a.misfit(m)); m.problem != "" {
		a.breach(RuleTuple, m.problem)
	}
	if m.problem != "" {
		a.refuse(m)
		return
	}
	e := &a.emits
	if e.count > 0 && e.size+len(m.values) > a.most() {
		a.flushEmits() // with this one the message might be beyond the limit
	}
	if a.o.Spout {
		asked := a.spout.inNext()
		if e.count > 0 && e.asked != asked {
			a.flushRows(false)
		}
		e.asked = asked
	}
	stream := e.streams[m.stream]
	ids := m.needIDs && !m.direct
	if ids && a.knows {
		a.tasks(a.o.Outputs[stream].Tasks)
		ids = false
	}
	tracked := a.o.Spout && m.id != nil
	groups := e.used
	g := e.group(stream, len(m.ends), m.direct, ids, tracked)
	e.size += (e.used - groups) * (groupSize + columnSize*len(m.ends))
	from := 0
	for k, end := range m.ends {
		g.cols[k].AddValue(m.values[from:end])
		from = end
	}
	if m.direct {
		g.direct = le.AppendUint32(g.direct, uint32(m.task))
	}
	if ids {
		a.requests++
		g.ids, e.asks = int(a.requests), true
	}
	e.size += len(m.values) + 16
	if a.o.Spout {
		a.emitted(m)
	} else {
		a.anchor(g, m.anchors)
	}
	g.n++
	e.count++
	if e.size > a.most() {
		a.flushEmits()
	}
}

// About what a group and a column of it take in a message beside their values, in bytes.
const groupSize, columnSize = 24, 8

// most is how much is gathered before it is handed over, in bytes.
func (a *Adapter) most() int { return min(multilang.TargetFrame, a.o.Limit) }

// misfit says why a tuple cannot go out on its stream, or "".
func (a *Adapter) misfit(m *message) string {
	i, known := a.emits.streams[m.stream]
	if !known {
		i = slices.IndexFunc(a.o.Outputs, func(o Output) bool { return o.Stream == m.stream })
		if i < 0 {
			var names []string
			for _, o := range a.o.Outputs {
				names = append(names, o.Stream)
			}
			return fmt.Sprintf("%s has no stream %q; it has %q", a.o.Component, m.stream, names)
		}
		a.emits.streams[m.stream] = i
	}
	o := &a.o.Outputs[i]
	astray := ""
	if o.Direct != nil {
		astray = multilang.Astray(o.Stream, o.Direct, m.direct, int(m.task))
	}
	switch {
	case len(m.ends) != len(o.Fields):
		return fmt.Sprintf("%d values on the stream %q of %s, whose fields are %q", len(m.ends), m.stream, a.o.Component, o.Fields)
	case m.task < 0 || m.task > 1<<31-1:
		return fmt.Sprintf("%d is no task", m.task)
	case len(m.values) > a.o.Limit:
		return fmt.Sprintf("a tuple of %d bytes is beyond the limit of %d (max_message_bytes)", len(m.values), a.o.Limit)
	}
	return astray
}

// fieldOf names the field whose value is a message's problem.
func (a *Adapter) fieldOf(m *message) string {
	i := slices.IndexFunc(a.o.Outputs, func(o Output) bool { return o.Stream == m.stream })
	if m.at == 0 || i < 0 || m.at > len(a.o.Outputs[i].Fields) {
		return ""
	}
	return fmt.Sprintf("field %q of stream %q: ", a.o.Outputs[i].Fields[m.at-1], m.stream)
}

// routed takes the host's answer to the oldest emit that it was asked about.
func (a *Adapter) routed(ids multilang.U32s) {
	a.tasks(ids)
	a.answers++
	a.answerRefused()
}

// answerRefused tells the child of emits that go nowhere, once those before
// them are answered.
func (a *Adapter) answerRefused() {
	for len(a.refused) > 0 && int32(a.answers-a.refused[0]) >= 0 {
		a.tasks(nil)
		a.refused = a.refused[1:]
	}
}

// tasks tells the child where what it emitted went.
func (a *Adapter) tasks(ids multilang.U32s) {
	a.work.Stdin = a.codec.appendTasks(a.work.Stdin, ids)
	a.work.Awaited = true
}

// refuse takes an emit that cannot be obeyed: the tuples that it is anchored
// to fail, and a child that waits for task ids gets none.
func (a *Adapter) refuse(m *message) {
	if m.needIDs && !m.direct {
		a.flushEmits() // earlier answers come first
		a.refused = append(a.refused, a.requests)
		a.answerRefused()
	}
	why := multilang.Error{Kind: "exception", Type: "EmitError", Message: "emit: " + a.fieldOf(m) + m.problem}
	told := false
	for _, id := range m.anchors {
		told = id&1 == 0 && a.doom(id/2, why) || told // a tick is no row
	}
	if b := &a.bolt; m.large && !told && b.open() { // its anchors may stand behind its tuple: it is of the row in progress
		told = a.doom(b.frames[0].first+uint64(b.frames[0].covered), why)
	}
	if !told {
		a.report(why.Type, why.Message)
	}
}

// emitted counts a row of a spout and keeps its id.
func (a *Adapter) emitted(m *message) {
	s := &a.spout
	if m.id != nil {
		s.ids[s.row+uint32(a.emits.count)] = slices.Clone(m.id)
	}
	if s.inNext() {
		s.emitted++
		s.asked[0].got++
	}
}

// anchor notes which rows an emitted one is anchored to.
func (a *Adapter) anchor(g *group, ids []uint64) {
	var one ref
	var more []ref
	for _, id := range ids {
		r, ok := a.refOf(id)
		switch {
		case !ok:
		case one.seq == 0:
			one = r
		case r != one && !slices.Contains(more, r):
			more = append(more, r)
		}
	}
	switch {
	case len(more) > 0:
		var pairs []byte
		for _, r := range append([]ref{one}, more...) {
			pairs = le.AppendUint32(le.AppendUint32(pairs, r.seq), r.row)
		}
		g.multi = append(g.multi, multilang.Multi{Row: g.n, Refs: pairs})
	case one.seq == 0:
		g.none++
	}
	g.refs = append(g.refs, one)
}

// refOf finds the row of an id that is neither acked nor failed.
func (a *Adapter) refOf(id uint64) (ref, bool) {
	b := &a.bolt
	if id&1 == 1 {
		if isHeartbeat(id) {
			a.breach(RuleAnchors, fmt.Sprintf("an anchor to the heartbeat %d", id))
		}
		return ref{}, false // a tick's, or no id of ours
	}
	if h, ok := b.held[id/2]; ok {
		return ref{h.seq, h.row}, true
	}
	if f, i := b.find(id / 2); f != nil && !f.at(i).done {
		if a.emits.frame == nil {
			a.replyTo(b.frames[0])
		}
		return ref{f.seq, uint32(i)}, true
	}
	a.breach(RuleAnchors, fmt.Sprintf("an anchor to %d, which was acked or failed before, or is no tuple's id", id))
	a.warn("anchor", fmt.Sprintf("an emit anchored to a tuple that was acked or failed before (id %d): sent without that anchor, as all further ones", id))
	return ref{}, false
}

// replyTo makes the pending reply one to a frame.
func (a *Adapter) replyTo(f *rows) {
	e := &a.emits
	if e.frame != f {
		if e.frame != nil {
			a.flushReply()
		}
		e.frame, e.seq, e.first, e.n = f, f.seq, f.covered, 0
	}
}

// flushReply hands over a bolt's reply.
func (a *Adapter) flushReply() {
	e := &a.emits
	if e.count == 0 && e.n == 0 && len(e.acked) == 0 && len(e.late) == 0 {
		e.frame = nil
		return
	}
	if e.frame == nil && len(a.bolt.frames) > 0 {
		a.replyTo(a.bolt.frames[0])
	}
	m := &multilang.FromChild{Type: multilang.TypeReply, Seq: e.seq, First: uint32(e.first), N: e.n,
		Groups: e.gather(e), Failed: e.failed, Held: e.held, Acked: e.acked, Late: e.late}
	a.frame(func(b []byte) []byte { return multilang.AppendReply(b, m) })
	e.reset()
}

// gather returns the groups of a message; reply is nil for a spout's.
func (e *emits) gather(reply *emits) []multilang.Group {
	e.out = e.out[:0]
	for _, g := range e.groups[:e.used] {
		out := multilang.Group{Stream: g.stream, N: g.n, Direct: g.direct, IDs: g.ids}
		for k := range g.cols {
			out.Cols = append(out.Cols, g.cols[k].Column())
		}
		switch {
		case reply == nil && g.tracked:
			out.How = multilang.AnchorEach
		case reply == nil || g.none == g.n:
			out.How = multilang.AnchorNone
		default:
			g.anchors(&out, reply)
		}
		e.out = append(e.out, out)
	}
	return e.out
}

// anchors writes what the rows of a group are anchored to, in the shortest way.
func (g *group) anchors(out *multilang.Group, e *emits) {
	if ends, ok := g.ends(e); ok {
		out.How, out.Anchors = multilang.AnchorEnds, ends
		return
	}
	out.How = multilang.AnchorRefs
	for i, r := range g.refs {
		if r.seq == 0 { // none at all: said by an empty list of its own
			g.multi = append(g.multi, multilang.Multi{Row: i})
			r = e.any(g)
		}
		out.Anchors = le.AppendUint32(le.AppendUint32(out.Anchors, r.seq), r.row)
	}
	out.Multi = g.multi
}

// any returns some ref of the group, to stand where another overrules it.
func (e *emits) any(g *group) ref {
	for _, r := range g.refs {
		if r.seq != 0 {
			return r
		}
	}
	return ref{}
}

// ends writes the anchors of rows that stand in the order of the rows that they
// come from, each with one, in the frame of the reply.
func (g *group) ends(e *emits) ([]byte, bool) {
	if g.none > 0 || len(g.multi) > 0 {
		return nil, false
	}
	last := 0
	for _, r := range g.refs {
		at := int(r.row) - e.first
		if r.seq != e.seq || at < last || at > e.n {
			return nil, false
		}
		last = at
	}
	var ends []byte
	i := 0
	for row := range e.n {
		for i < len(g.refs) && int(g.refs[i].row)-e.first <= row {
			i++
		}
		ends = le.AppendUint32(ends, uint32(i))
	}
	return ends, true
}
