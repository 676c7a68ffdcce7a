package worker

import (
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/multilang"
)

// router sends what a task emitted to the tasks that subscribe to it, and works
// out what that means for the trees. It is used by one goroutine at a time.
//
// A row's emits and its ack are one change of its tree's word: the XOR of the
// row's own edge and of the edges of all its emits. Changes are applied before
// the emitted rows can be seen by anyone, and emits before acks.
type router struct {
	t       *task
	out     [][]*edge // by output stream; its own, for groupings have a memory
	edges   *acker.Edges
	solo    bool     // the rows emitted now travel alone
	xors    []uint64 // change of each input row's tree
	inherit bool     // rows that emit once may hand their own edge on

	updates []acker.Update // of edges counted for this worker
	remote  []placed       // of edges counted for others
	acks    []acker.Update // of rows acked late: applied after the emits
	ready   []delivery
	sent    []uint32 // the tasks that the last group went to
	stuffed []*inbox // that are to be waited for

	// Scratch.
	from    []int32 // of each emitted row: the input row it is anchored to, or one of those below
	roots   []acker.Root
	extras  []stream.Extra
	drawn   []uint64
	targets []uint16
	index   []multilang.Index
}

// What stands in from for a row that is anchored to no input row.
const (
	fromNone = -1
	fromRefs = -2 // its roots were looked up: it has anchors of its own
)

// placed is changes by edges that are counted for one other worker.
type placed struct {
	worker  uint64
	updates []acker.Update
}

// delivery is a batch on its way into an inbox.
type delivery struct {
	in      *inbox
	batch   *stream.Batch
	counted uint64 // the worker that its edges are counted for
	loop    bool
}

func newRouter(t *task, out [][]*edge) *router { return &router{t: t, out: out, edges: newEdges()} }

// input is the rows that emits of a reply may be anchored to by position:
// those the reply covers, and the one that follows them.
type input struct {
	roots  []acker.Root // empty: not tracked
	edges  []uint64
	extras []stream.Extra // Row counts from the first row of the input
	acked  int            // rows [0, acked) are acked by this reply, but for those that open names
	open   map[int]bool   // rows not acked by this reply: failed, held, or acked before
}

// begin starts a reply (or a spout's rows, each its own input).
func (r *router) begin(in *input, groups int) {
	r.xors = append(r.xors[:0], in.edges...)
	for i := in.acked; i < len(r.xors); i++ {
		r.xors[i] = 0
	}
	for i := range in.open {
		if i < len(r.xors) {
			r.xors[i] = 0
		}
	}
	r.inherit = groups == 1 && len(in.extras) == 0
}

// emit sends one group, of which no row is astray. from says for each row which input row it is anchored
// to; nil: none at all. refs holds the roots of the rows with anchors of their own.
func (r *router) emit(in *input, g *multilang.Group, from []int32, refs map[int][]acker.Root, shared bool) {
	source := r.t.comp.sources[g.Stream]
	edges := r.out[g.Stream]
	r.t.stats.emitted.Add(int64(g.N))
	if taps := r.t.comp.taps.Load(); taps != nil {
		r.t.tapped(*taps, g)
	}
	r.sent = r.sent[:0]
	r.inherit = r.inherit && len(edges) == 1 && edges[0].group.Spread() != stream.ToEach && len(g.Direct) == 0
	if len(g.Direct) > 0 && len(edges) > 1 {
		for _, e := range edges {
			r.toDirect(in, e, g, from, refs)
		}
		return
	}
	r.anchor(in, from, refs)
	for _, e := range edges {
		r.send(e, source, g, from, shared)
	}
}

// anchor works out the trees of each emitted row.
func (r *router) anchor(in *input, from []int32, refs map[int][]acker.Root) {
	r.roots, r.extras = r.roots[:0], r.extras[:0]
	if len(in.roots) == 0 && len(refs) == 0 {
		return
	}
	for row, i := range from {
		root := acker.Root(0)
		switch {
		case i == fromRefs:
			root = refs[row][0]
			for _, more := range refs[row][1:] {
				r.extras = append(r.extras, stream.Extra{Row: row, Root: more})
			}
		case i >= 0 && len(in.roots) > 0:
			root = in.roots[i]
			for _, x := range in.extras {
				if int32(x.Row) == i {
					r.extras = append(r.extras, stream.Extra{Row: row, Root: x.Root})
				}
			}
		}
		r.roots = append(r.roots, root)
	}
}

// send delivers a group over one edge.
func (r *router) send(e *edge, source *stream.Source, g *multilang.Group, from []int32, shared bool) {
	switch e.group.Spread() {
	case stream.ToAny:
		r.toAny(e, source, g, from, shared)
	case stream.ToFirst:
		r.whole(e, e.to.inboxes[0], source, g, from, shared)
	case stream.ToEach:
		for _, to := range e.to.inboxes {
			r.whole(e, to, source, g, from, shared)
		}
	case stream.ToOne:
		r.choose(e, g)
		r.split(e, e.to.inboxes, source, g, from)
	}
}

// toAny delivers rows that any task may take.
func (r *router) toAny(e *edge, source *stream.Source, g *multilang.Group, from []int32, shared bool) {
	if g.IDs >= 0 { // the sender wants to know now where the row goes
		r.whole(e, e.leastBusy(), source, g, from, shared)
		return
	}
	if to := e.single(); to != nil {
		r.whole(e, to, source, g, from, shared)
		return
	}
	pools := *e.to.pools.Load()
	if local := pools[0].home.Load(); e.group.IsLocal() && len(local.tasks) > 0 {
		r.whole(e, pools[0], source, g, from, shared)
		return
	}
	r.indexOf(g)
	r.targets = e.shares(r.targets[:0], pools, g.N)
	r.split(e, pools, source, g, from)
}

// whole delivers all rows of a group to one inbox.
func (r *router) whole(e *edge, to *inbox, source *stream.Source, g *multilang.Group, from []int32, shared bool) {
	counted := to.home.Load().worker(r.t.w.self)
	edges := r.draw(from, counted)
	var b *stream.Batch
	if shared {
		b = stream.SharedBatch(source, g.N, g.Cols)
		b.SetRun(r.t.id)
	} else {
		b = stream.NewBatch(source)
		for i, c := range g.Cols {
			b.Builders()[i].AddColumn(c, g.N)
		}
		b.Done(r.t.id)
	}
	b.Roots = append(b.Roots, r.roots...)
	b.Edges = append(b.Edges, edges...)
	b.Extras = append(b.Extras, r.extras...)
	r.deliver(e, to, b, counted)
}

// split delivers each row of a group to the inbox that targets names.
func (r *router) split(e *edge, to []*inbox, source *stream.Source, g *multilang.Group, from []int32) {
	parts := make([]*stream.Batch, len(to))
	builders := make([]*multilang.Builder, len(to))
	counted := make([]uint64, len(to))
	for _, t := range r.targets {
		if parts[t] == nil {
			parts[t] = stream.NewBatch(source)
			counted[t] = to[t].home.Load().worker(r.t.w.self)
		}
	}
	for k := range g.Cols {
		for t, b := range parts {
			if b != nil {
				builders[t] = &b.Builders()[k]
			}
		}
		r.index[k].Scatter(r.targets, builders)
	}
	if len(r.roots) > 0 {
		r.track(parts, counted, from)
	}
	for t, b := range parts {
		if b != nil {
			b.Done(r.t.id)
			r.deliver(e, to[t], b, counted[t])
		}
	}
}

// choose fills targets with the task for each row of a group.
func (r *router) choose(e *edge, g *multilang.Group) {
	r.indexOf(g)
	if e.group.IsDirect() {
		r.targets = e.group.Direct(r.targets[:0], g.Direct)
	} else {
		r.targets = e.group.Targets(r.targets[:0], g.N, r.index)
	}
}

// indexOf finds the rows of a group's columns.
func (r *router) indexOf(g *multilang.Group) {
	for len(r.index) < len(g.Cols) {
		r.index = append(r.index, multilang.Index{})
	}
	for i, c := range g.Cols {
		r.index[i].Set(c, g.N)
	}
}

// track gives the rows of a split group their trees and edges.
func (r *router) track(parts []*stream.Batch, counted []uint64, from []int32) {
	here := true
	for t, b := range parts {
		here = here && (b == nil || counted[t] == r.t.w.self)
	}
	var edges []uint64
	if here {
		edges = r.draw(from, r.t.w.self)
	} else {
		edges = r.drawMixed(from, counted)
	}
	extras := r.extras
	for row, t := range r.targets {
		for len(extras) > 0 && extras[0].Row == row {
			parts[t].Extras = append(parts[t].Extras, stream.Extra{Row: len(parts[t].Roots), Root: extras[0].Root})
			extras = extras[1:]
		}
		parts[t].Track(r.roots[row], edges[row])
	}
}

// deliver notes a batch for an inbox. Rows that travel alone become batches of their own.
func (r *router) deliver(e *edge, to *inbox, b *stream.Batch, counted uint64) {
	r.sent = append(r.sent, uint32(to.task))
	if !r.solo {
		r.ready = append(r.ready, delivery{to, b, counted, e.loop})
		return
	}
	for _, one := range b.Singles() {
		one.Solo = true
		r.ready = append(r.ready, delivery{to, one, counted, e.loop})
	}
}

// end applies the changes, then puts the rows into the inboxes.
func (r *router) end(in *input, now time.Time) {
	for i, x := range r.xors {
		if x != 0 {
			r.updates = acker.Fold(r.updates, in.roots[i], x)
		}
	}
	for _, x := range in.extras {
		if x.Row < in.acked && !in.open[x.Row] {
			r.updates = append(r.updates, acker.Update{Root: x.Root, Xor: in.edges[x.Row]})
		}
	}
	r.updates = append(r.updates, r.acks...)
	r.acks = r.acks[:0]
	for i := range r.remote { // these only add edges: they go first
		r.t.w.apply(r.remote[i].updates, r.remote[i].worker, now)
		r.remote[i].updates = r.remote[i].updates[:0]
	}
	r.t.w.apply(r.updates, r.t.w.self, now)
	r.updates = r.updates[:0]
	for i, d := range r.ready {
		r.ready[i] = delivery{}
		r.put(d, now)
	}
	r.ready = r.ready[:0]
}

// put hands a batch over, and its tree with it.
func (r *router) put(d delivery, now time.Time) {
	if d.loop && d.in.stuffedNow() {
		r.overflow(d)
		return
	}
	d.batch.Since = now
	in := d.in.put(d.batch, d.counted, nil)
	if !d.loop && in.full.Load() {
		r.stuffed = append(r.stuffed, in)
	}
	in.wake()
}

// await blocks until no inbox that was filled is stuffed.
func (r *router) await() {
	for _, in := range r.stuffed {
		in.await()
	}
	r.stuffed = r.stuffed[:0]
}

// awaitRoom blocks the reader while an inbox that it filled is stuffed. The
// judge knows that the child is not being read meanwhile.
func (t *task) awaitRoom() {
	if len(t.router.stuffed) == 0 {
		return
	}
	if t.classic {
		t.process.uncork()
	}
	t.setReading(false)
	t.router.await()
	t.setReading(true)
}

func (t *task) setReading(yes bool) {
	t.mu.Lock()
	t.reading = yes
	t.mu.Unlock()
}
