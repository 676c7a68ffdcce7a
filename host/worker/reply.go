package worker

import (
	"fmt"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/multilang"
)

// onReply takes a bolt's reply: rows covered, rows emitted, and the exceptions.
// An error means that the child broke the protocol.
func (t *task) onReply(m *multilang.FromChild) error {
	now := time.Now()
	if err := t.refuse(m); err != nil {
		return err
	}
	f, in, err := t.covered(m)
	if err != nil {
		return err
	}
	r := t.router
	r.solo = f != nil && f.solo
	r.begin(in, len(m.Groups))
	for i := range m.Groups {
		if err := t.emitGroup(in, &m.Groups[i], m, m.Seq, m.First); err != nil {
			return err
		}
	}
	for i := range m.Acked.Len() / 2 {
		t.release(ref{m.Acked.At(2 * i), m.Acked.At(2*i + 1)}, func(root acker.Root, edge uint64) {
			if root != 0 {
				r.acks = append(r.acks, acker.Update{Root: root, Xor: edge})
			}
		})
	}
	late := t.releaseLate(m) // also such as this very reply covers
	t.uncover(f, m, in, now)
	r.end(in, now)
	t.failRows(m, in, f, late)
	t.w.addLoad(-m.N)
	t.awaitRoom()
	return nil
}

// covered checks which rows a reply covers and returns them as the router's input.
func (t *task) covered(m *multilang.FromChild) (*frame, *input, error) {
	if m.Seq == 0 {
		if m.N != 0 {
			return nil, nil, fmt.Errorf("reply to frame 0 covers %d rows", m.N)
		}
		return nil, &input{}, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.inflight) == 0 || t.inflight[0].seq != m.Seq {
		return nil, nil, fmt.Errorf("reply to frame %d, but %s", m.Seq, t.awaited())
	}
	f := t.inflight[0]
	from, to := f.covered, f.covered+m.N
	if int(m.First) != from || to > f.n {
		return nil, nil, fmt.Errorf("reply covers rows %d to %d of frame %d, which has %d rows, %d of them covered before", m.First, int(m.First)+m.N, f.seq, f.n, from)
	}
	in := &input{acked: m.N}
	if len(f.batch.Roots) > 0 {
		end := min(to+1, f.n) // the row in progress may have emitted, too
		in.roots, in.edges = f.batch.Roots[from:end], f.batch.Edges[from:end]
	}
	for _, x := range f.batch.Extras {
		if x.Row >= from && x.Row <= to {
			x.Row -= from
			in.extras = append(in.extras, x)
		}
	}
	return f, in, t.markOpen(f, m, in)
}

// markOpen notes which covered rows this reply does not ack.
func (t *task) markOpen(f *frame, m *multilang.FromChild, in *input) error {
	open := func(row int) error {
		if row < int(m.First) || row >= int(m.First)+m.N {
			return fmt.Errorf("row %d of frame %d is not one of the covered rows", row, f.seq)
		}
		if in.open == nil {
			in.open = map[int]bool{}
		}
		in.open[row-int(m.First)] = true
		return nil
	}
	for i := range m.Failed {
		if err := open(m.Failed[i].Row); err != nil {
			return err
		}
	}
	for i := range m.Held.Len() {
		if err := open(int(m.Held.At(i))); err != nil {
			return err
		}
	}
	for row := range f.done {
		if row < f.covered+m.N {
			_ = open(row) // between covered and its end: in range
		}
	}
	// A row may end out of its turn and be covered in the same reply: its edge
	// counts once, and a row that failed is not acked.
	for i := range m.Acked.Len() / 2 {
		if row := int(m.Acked.At(2*i + 1)); m.Acked.At(2*i) == m.Seq && row < int(m.First)+m.N {
			_ = open(row) // one below the range is a stray, which release tells of
		}
	}
	for i := range m.Late {
		if late := &m.Late[i]; late.Seq == m.Seq && late.Row < int(m.First)+m.N {
			_ = open(late.Row)
		}
	}
	return nil
}

// awaited says which frame is to be answered next.
func (t *task) awaited() string {
	if len(t.inflight) == 0 {
		return "none is unanswered"
	}
	return fmt.Sprintf("frame %d is to be answered first", t.inflight[0].seq)
}

// emitGroup sends one group of a reply.
func (t *task) emitGroup(in *input, g *multilang.Group, m *multilang.FromChild, seq, first uint32) error {
	r := t.router
	from, err := anchorsOf(r.from[:0], g, m)
	if err != nil {
		return err
	}
	if r.from = from; g.How == multilang.AnchorEnds && len(in.roots) > 0 && int(from[len(from)-1]) >= len(in.roots) {
		return fmt.Errorf("rows are anchored to row %d of frame %d, which has no such row", int(first)+m.N, seq)
	}
	refs, solo := t.explicit(g, from)
	before := r.solo
	r.solo = r.solo || solo
	r.emit(in, g, from, refs, false)
	if r.solo = before; g.IDs >= 0 {
		t.answerTasks(uint32(g.IDs), r.sent)
	}
	return nil
}

// rootsOf returns the trees that a row in the child belongs to, and whether it
// travels alone. A row that is done with counts as a stray: the emit goes out
// without that anchor.
func (t *task) rootsOf(at ref) (roots []acker.Root, solo bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h, ok := t.held[at]; ok {
		return append([]acker.Root{h.root}, h.extras...), h.solo
	}
	if f := t.frameOf(at); f != nil {
		if len(f.batch.Roots) == 0 {
			return nil, f.solo
		}
		roots = append(roots, f.batch.Roots[at.row])
		for _, x := range f.batch.Extras {
			if x.Row == int(at.row) {
				roots = append(roots, x.Root)
			}
		}
		return roots, f.solo
	}
	t.stray("anchor", at)
	return nil, false
}

// frameOf returns the frame of a row that is in progress, nil if it is done with. mu is held.
func (t *task) frameOf(at ref) *frame {
	for _, f := range t.inflight {
		if f.seq == at.seq && int(at.row) >= f.covered && int(at.row) < f.n && !f.done[int(at.row)] {
			return f
		}
	}
	return nil
}

// stray counts a row that user code spoke of when it was done with already.
// With acking off that is not known of a row which it holds.
func (t *task) stray(what string, at ref) {
	if !t.w.opts.Topology.Config.Acking {
		return
	}
	if t.stats.strays.Add(1) == 1 {
		t.w.line(Line{Task: t.id, Component: t.comp.ID, Level: LevelWarn,
			Text: fmt.Sprintf("%s of a tuple that was acked or failed before (frame %d, row %d): ignored, as all further ones, which are only counted", what, at.seq, at.row)})
	}
}

// release is done with a row that was held, or is in progress: settle gets its edges.
func (t *task) release(at ref, settle func(acker.Root, uint64)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h, ok := t.held[at]; ok {
		delete(t.held, at)
		settle(h.root, h.edge)
		for _, x := range h.extras {
			settle(x, h.edge)
		}
		return
	}
	f := t.frameOf(at)
	if f == nil {
		t.stray("ack or fail", at)
		return
	}
	if f.done == nil {
		f.done = map[int]bool{}
	}
	f.done[int(at.row)] = true
	if len(f.batch.Roots) == 0 {
		return
	}
	settle(f.batch.Roots[at.row], f.batch.Edges[at.row])
	for _, x := range f.batch.Extras {
		if x.Row == int(at.row) {
			settle(x.Root, f.batch.Edges[at.row])
		}
	}
}

// uncover moves the frame on, keeps what is held, and feeds the child.
func (t *task) uncover(f *frame, m *multilang.FromChild, in *input, now time.Time) {
	if f == nil {
		return
	}
	t.mu.Lock()
	for i := range m.Held.Len() {
		at := ref{f.seq, m.Held.At(i)}
		// With acking off no timeout ends the memory of it; what a child of Storm's holds is forgotten in time.
		if !f.done[int(at.row)] && (t.w.opts.Topology.Config.Acking || t.classic) {
			t.held[at] = f.hold(int(at.row), now)
		}
		delete(f.done, int(at.row))
	}
	for row := range f.done {
		if row < f.covered+m.N { // it was counted when it was acked or failed, before its turn
			t.stats.acked.Add(-1)
			delete(f.done, row)
		}
	}
	f.covered += m.N
	t.worked = t.worked || m.N > 0
	t.busy.Add(int64(-m.N))
	t.pace.Observe(m.N, f.sent, now)
	t.covers(f, m, now)
	t.inbox.frame.Store(int64(t.pace.Rows()))
	if pool := t.pool.Load(); pool != nil {
		pool.frame.Store(int64(t.pace.Rows()) * int64(len(t.w.tasksOf(t.comp))))
	}
	if f.covered == f.n {
		t.inflight = append(t.inflight[:0], t.inflight[1:]...)
	}
	own, pool := t.feed()
	t.mu.Unlock()
	if own {
		t.inbox.kick()
	}
	if pool != nil {
		pool.kick()
	}
}

// hold makes the record of a row that user code will ack later.
func (f *frame) hold(row int, now time.Time) heldRow {
	h := heldRow{since: now, solo: f.solo}
	if len(f.batch.Roots) == 0 {
		return h
	}
	h.root, h.edge = f.batch.Roots[row], f.batch.Edges[row]
	for _, x := range f.batch.Extras {
		if x.Row == row {
			h.extras = append(h.extras, x.Root)
		}
	}
	return h
}

// culprit names a row of a frame; of no frame there is none.
func (f *frame) culprit(row int) culprit {
	if f == nil {
		return culprit{}
	}
	return culprit{f.batch, row}
}

// inHand names a row that the child has not answered yet.
func (t *task) inHand(at ref) culprit {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.frameOf(at).culprit(int(at.row))
}

// lateRow is a row that failed out of its turn.
type lateRow struct {
	roots []acker.Root
	row   culprit
}

// releaseLate is done with the rows that failed out of their turn, in the
// order of the reply.
func (t *task) releaseLate(m *multilang.FromChild) []lateRow {
	var rows []lateRow
	for i := range m.Late {
		at := ref{m.Late[i].Seq, uint32(m.Late[i].Row)}
		late := lateRow{row: t.inHand(at)}
		t.release(at, func(root acker.Root, _ uint64) { late.roots = append(late.roots, root) })
		rows = append(rows, late)
	}
	return rows
}

// failRows fails the trees of the rows that failed.
func (t *task) failRows(m *multilang.FromChild, in *input, answered *frame, late []lateRow) {
	for i := range m.Failed {
		e := &m.Failed[i].Err
		f := t.failureOf(e, answered.culprit(m.Failed[i].Row))
		if row := m.Failed[i].Row - int(m.First); len(in.roots) > row {
			t.w.failRoot(in.roots[row], f)
			for _, x := range in.extras {
				if x.Row == row {
					t.w.failRoot(x.Root, f)
				}
			}
		}
	}
	for i := range m.Late {
		f := t.failureOf(&m.Late[i].Err, late[i].row)
		for _, root := range late[i].roots {
			t.w.failRoot(root, f)
		}
	}
	t.stats.failed.Add(int64(len(m.Failed) + len(m.Late)))
	t.stats.acked.Add(int64(m.N - len(m.Failed) - m.Held.Len() + m.Acked.Len()/2))
}

// failureOf reports an error of user code and returns it as the reason of a failure.
func (t *task) failureOf(e *multilang.Error, of culprit) failure {
	f := failure{cause: acker.Exception, component: t.comp.ID, task: t.id, text: e.Message}
	if e.Kind == "fail" {
		f.cause = acker.Explicit
	}
	if e.Type != "" {
		f.text = e.Type + ": " + e.Message
	}
	if e.Kind != "fail" || e.Message != "" {
		t.w.report(t, e, of)
	}
	return f
}

// answerTasks tells the child where the rows of a group went.
func (t *task) answerTasks(request uint32, ids []uint32) {
	buf, at := multilang.BeginFrame(nil)
	buf = multilang.EndFrame(multilang.AppendTasks(buf, request, ids), at)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.process != nil {
		t.process.Write(buf)
		t.process.Await()
	}
}
