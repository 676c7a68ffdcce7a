package worker

import (
	"fmt"
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
	edges   *acker.Edges
	solo    bool     // the rows emitted now travel alone
	xors    []uint64 // change of each input row's tree
	inherit bool     // rows that emit once may hand their own edge on

	updates []acker.Update
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

// delivery is a batch on its way into an inbox.
type delivery struct {
	in    *inbox
	batch *stream.Batch
	loop  bool
}

func newRouter(t *task) *router { return &router{t: t, edges: newEdges()} }

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

// emit sends one group. from says for each row which input row it is anchored
// to; nil: none at all. refs holds the roots of the rows with anchors of their own.
func (r *router) emit(in *input, g *multilang.Group, from []int32, refs map[int][]acker.Root, shared bool) error {
	source := r.t.comp.sources[g.Stream]
	edges := r.t.edges[g.Stream]
	r.t.stats.emitted.Add(int64(g.N))
	r.sent = r.sent[:0]
	r.anchor(in, from, refs)
	r.inherit = r.inherit && len(edges) == 1 && edges[0].group.Spread() != stream.ToEach && len(g.Direct) == 0
	for _, e := range edges {
		if err := r.send(e, source, g, from, shared); err != nil {
			return err
		}
	}
	return nil
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
func (r *router) send(e *edge, source *stream.Source, g *multilang.Group, from []int32, shared bool) error {
	direct := e.group.IsDirect()
	if direct != (len(g.Direct) > 0) {
		return nil // a direct emit goes to direct subscribers only, and they get nothing else
	}
	switch e.group.Spread() {
	case stream.ToAny:
		to := e.any()
		if g.IDs >= 0 { // the sender wants to know now where the row goes
			to = leastBusyFirst(e.to.tasks)[0].inbox
		}
		r.whole(e, to, source, g, from, shared)
	case stream.ToFirst:
		r.whole(e, e.targets[0], source, g, from, shared)
	case stream.ToEach:
		for _, to := range e.targets {
			r.whole(e, to, source, g, from, shared)
		}
	case stream.ToOne:
		return r.split(e, source, g, from)
	}
	return nil
}

// draw makes the edges of the rows of one delivery and enters them in the
// changes of the trees they are anchored to.
func (r *router) draw(from []int32) []uint64 {
	r.drawn = r.drawn[:0]
	if len(r.roots) == 0 {
		return nil
	}
	for row, i := range from {
		if i < 0 || r.roots[row] == 0 {
			r.drawn = append(r.drawn, r.drawFor(row))
			continue
		}
		once := r.inherit && (row == 0 || from[row-1] != i) && (row == len(from)-1 || from[row+1] != i)
		if once && r.xors[i] != 0 {
			r.drawn = append(r.drawn, r.xors[i])
			r.xors[i] = 0
			continue
		}
		edge := r.edges.Next()
		r.xors[i] ^= edge
		r.drawn = append(r.drawn, edge)
	}
	for _, x := range r.extras {
		r.updates = append(r.updates, acker.Update{Root: x.Root, Xor: r.drawn[x.Row]})
	}
	return r.drawn
}

// drawFor makes the edge of a row that is not anchored by position.
func (r *router) drawFor(row int) uint64 {
	root := r.roots[row]
	if root == 0 {
		return 0
	}
	edge := r.edges.Next()
	r.updates = append(r.updates, acker.Update{Root: root, Xor: edge})
	return edge
}

// whole delivers all rows of a group to one inbox.
func (r *router) whole(e *edge, to *inbox, source *stream.Source, g *multilang.Group, from []int32, shared bool) {
	edges := r.draw(from)
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
	r.deliver(e, to, b)
}

// split delivers each row of a group to the inbox that the grouping chooses.
func (r *router) split(e *edge, source *stream.Source, g *multilang.Group, from []int32) error {
	if err := r.choose(e, source, g); err != nil {
		return err
	}
	edges := r.draw(from)
	parts := make([]*stream.Batch, len(e.targets))
	builders := make([]*multilang.Builder, len(e.targets))
	for _, t := range r.targets {
		if parts[t] == nil {
			parts[t] = stream.NewBatch(source)
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
	if len(edges) > 0 {
		r.track(parts, edges)
	}
	for t, b := range parts {
		if b != nil {
			b.Done(r.t.id)
			r.deliver(e, e.targets[t], b)
		}
	}
	return nil
}

// choose fills targets with the task for each row of a group.
func (r *router) choose(e *edge, source *stream.Source, g *multilang.Group) (err error) {
	for len(r.index) < len(g.Cols) {
		r.index = append(r.index, multilang.Index{})
	}
	for i, c := range g.Cols {
		r.index[i].Set(c, g.N)
	}
	r.targets = r.targets[:0]
	if !e.group.IsDirect() {
		r.targets = e.group.Targets(r.targets, g.N, r.index)
		return nil
	}
	if r.targets, err = e.group.Direct(r.targets, g.Direct); err != nil {
		return fmt.Errorf("stream %s: %w", source.Stream, err)
	}
	return nil
}

// track gives the rows of a split group their trees and edges.
func (r *router) track(parts []*stream.Batch, edges []uint64) {
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
func (r *router) deliver(e *edge, to *inbox, b *stream.Batch) {
	r.sent = append(r.sent, uint32(to.tasks[0].id))
	if !r.solo {
		r.ready = append(r.ready, delivery{to, b, e.loop})
		return
	}
	for _, one := range b.Singles() {
		one.Solo = true
		r.ready = append(r.ready, delivery{to, one, e.loop})
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
	r.t.w.apply(r.updates, now)
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
	d.in.put(d.batch)
	if !d.loop && d.in.full.Load() {
		r.stuffed = append(r.stuffed, d.in)
	}
	d.in.wake()
}

// await blocks until no inbox that was filled is stuffed.
func (r *router) await() {
	for _, in := range r.stuffed {
		in.await()
	}
	r.stuffed = r.stuffed[:0]
}

// overflow fails the trees of rows for which a cycle has no room.
func (r *router) overflow(d delivery) {
	to := d.in.tasks[0]
	f := failure{cause: acker.CycleOverflow, component: to.comp.ID, task: to.id,
		text: fmt.Sprintf("the cycle through %s holds more rows than fit: it emits more than it finishes", to.comp.ID)}
	for i, root := range d.batch.Roots {
		if i == 0 || d.batch.Roots[i-1] != root {
			f.alone = d.in.aloneIn(root)
			r.t.w.failRoot(root, f)
		}
	}
	f.alone = false
	for _, x := range d.batch.Extras {
		r.t.w.failRoot(x.Root, f)
	}
	r.t.stats.overflowed.Add(int64(d.batch.N))
}

// apply changes the words of trees, each in the ledger of its spout task.
func (w *Worker) apply(us []acker.Update, now time.Time) {
	for len(us) > 0 {
		owner := us[0].Root.Owner()
		n := 1
		for n < len(us) && us[n].Root.Owner() == owner {
			n++
		}
		w.ledgers[owner].apply(us[:n], now)
		us = us[n:]
	}
}

// failRoot fails a tree in the ledger of its spout task.
func (w *Worker) failRoot(root acker.Root, f failure) {
	if root != 0 {
		w.ledgers[root.Owner()].fail(root, f)
	}
}

// identity appends 0 … n-1.
func identity(dst []int32, n int) []int32 {
	for i := range n {
		dst = append(dst, int32(i))
	}
	return dst
}

// byEnds appends, for each of n rows, the covered row that it belongs to: ends
// are cumulative. Rows after the last end belong to the row after the covered ones.
func byEnds(dst []int32, ends multilang.U32s, n int) ([]int32, error) {
	row := 0
	for i := range ends.Len() {
		end := int(ends.At(i))
		if end < row || end > n {
			return dst, fmt.Errorf("anchors: end %d of row %d is not between %d and %d", end, i, row, n)
		}
		for ; row < end; row++ {
			dst = append(dst, int32(i))
		}
	}
	for ; row < n; row++ {
		dst = append(dst, int32(ends.Len()))
	}
	return dst, nil
}

// awaitRoom blocks the reader while an inbox that it filled is stuffed. The
// judge knows that the child is not being read meanwhile.
func (t *task) awaitRoom() {
	if len(t.router.stuffed) == 0 {
		return
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
