package worker

import (
	"fmt"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/multilang"
)

// With max_pending: auto a spout task may have autoPending trees in flight;
// the limit doubles when the worker stands still because all of them wait in
// bolts that hold them. Kept rows never exceed keptBytes by more than a frame.
const (
	autoPending = 16 << 10
	keptBytes   = 16 << 20
)

// spoutState is what a task knows of its spout. Guarded by task.mu.
type spoutState struct {
	mode     Mode
	finished bool
	replays  bool      // the child replays failed rows that want an outcome
	asked    int       // rows asked for and not answered
	limit    int       // trees in flight
	starved  bool      // out of limit: counted in Worker.attentive
	hears    bool      // it was told of failures since it was last asked: it may emit
	listens  bool      // it was asked for no rows, and has not answered: see toListen
	rested   time.Time // when it was told to pause, or since has emitted last; zero: it may emit
	mute     bool      // it was told to pause, and its code does not return: nothing waits for its answers
}

// ask tells the spout's child its outcomes, and asks for rows as far as there
// is credit: room downstream, trees and bytes in flight.
func (t *task) ask() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != Running && t.state != Stopping || t.process == nil {
		return
	}
	buf := t.appendOutcomes(t.wbuf[:0])
	for t.state == Running {
		rows, size := t.credit()
		if rows <= 0 && !t.toListen() {
			break
		}
		t.spout.hears, t.spout.listens = false, rows <= 0
		rows = max(rows, 0)
		if t.seq++; t.seq == 0 {
			t.seq = 1
		}
		t.handOver(&frame{seq: t.seq, n: rows, sent: time.Now()})
		t.spout.asked += rows
		var at int
		buf, at = multilang.BeginFrame(buf)
		buf = multilang.EndFrame(multilang.AppendNext(buf, t.seq, rows, size), at)
	}
	if len(buf) > 0 {
		t.process.Write(buf)
	}
	t.wbuf = buf
}

func (t *task) appendOutcomes(buf []byte) []byte {
	o := t.ledger.takeOutcomes()
	if o.empty() {
		return buf
	}
	if len(o.failed)+len(o.dead) > 0 {
		t.spout.hears = true
		t.w.stir() // there is no news to wait for any more; see idle
	}
	buf, at := multilang.BeginFrame(buf)
	return multilang.EndFrame(multilang.AppendOutcome(buf, o.acked, o.failed, o.dead), at)
}

// toListen tells whether to ask a spout for no rows at all. When it answers it
// has emitted what failures led it to; without that the end of a run could
// overtake it. mu is held.
func (t *task) toListen() bool {
	s := &t.spout
	return s.hears && s.mode == Active && (s.finished || t.w.isDraining()) && len(t.inflight) == 0
}

// credit returns how many rows and bytes to ask for in one more request.
func (t *task) credit() (rows, size int) {
	s := &t.spout
	if s.mode != Active || s.finished || len(t.inflight) >= inChild || t.w.isDraining() || t.heldBack() {
		return 0, 0
	}
	limit := t.pendingLimit()
	auto := t.w.opts.Topology.Config.MaxPending == 0
	rows, size = t.ledger.room(limit - s.asked)
	if size <= 0 {
		rows = 0
	}
	if rows <= 0 && auto && size > 0 && s.asked == 0 && t.w.load.Load() == 0 && 2*limit < acker.MaxTrees {
		s.limit = 2 * limit
		rows = limit
	}
	t.starve(rows <= 0)
	want := t.pace.Rows()
	if len(t.inflight) > 0 && rows < want/2 {
		return 0, 0 // the child has a request: let the next one be worth it
	}
	return min(rows, want), min(size, multilang.TargetFrame)
}

// pendingLimit is how many trees may be in flight. mu is held.
func (t *task) pendingLimit() int {
	if limit := t.w.opts.Topology.Config.MaxPending; limit > 0 {
		return limit
	}
	return max(t.spout.limit, autoPending)
}

// starve notes whether the spout waits for trees to end: then it is to be told when the worker is idle.
func (t *task) starve(now bool) {
	if now == t.spout.starved {
		return
	}
	t.spout.starved = now
	if !now {
		t.w.attentive.Add(-1)
		return
	}
	t.w.attentive.Add(1)
	if t.w.load.Load() == 0 { // it has become idle just before, when nobody was to be told
		t.w.stir()
	}
}

// onRows takes what a spout emitted.
func (t *task) onRows(m *multilang.FromChild) error {
	now := time.Now()
	first := m.First
	replays, err := t.answered(m, now)
	if err != nil {
		return err
	}
	for i := range m.Groups {
		t.emitRows(&m.Groups[i], first, replays, now)
		first += uint32(m.Groups[i].N)
	}
	t.ask()
	if m.Final {
		t.w.stir()
	}
	t.awaitRoom()
	return nil
}

// answered notes how far a request is answered.
func (t *task) answered(m *multilang.FromChild, now time.Time) (replays bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := 0
	for i := range m.Groups {
		rows += m.Groups[i].N
	}
	t.stats.received.Add(int64(rows))
	if m.Seq == 0 {
		return t.spout.replays, nil
	}
	if len(t.inflight) == 0 || t.inflight[0].seq != m.Seq {
		return false, fmt.Errorf("rows in answer to request %d, but %s", m.Seq, t.awaited())
	}
	f := t.inflight[0]
	f.covered += rows
	t.worked = t.worked || rows > 0
	if !t.spout.rested.IsZero() {
		t.spout.rested = now
	}
	if m.Final {
		if f.n > 0 {
			t.pace.Observe(f.covered, f.sent, now)
		}
		t.spout.asked -= f.n
		t.spout.listens = false
		t.inflight = append(t.inflight[:0], t.inflight[1:]...)
	}
	return t.spout.replays, nil
}

// emitRows begins a tree for every row of a group and sends the rows out.
func (t *task) emitRows(decoded *multilang.Group, first uint32, replays bool, now time.Time) {
	copied := *decoded // the decoder uses its own again
	g := &copied
	g.Cols = own(g.Cols)
	in := &input{acked: g.N}
	r := t.router
	r.from = identity(r.from[:0], g.N)
	bad := t.astray(g)
	if t.untracked(g) {
		// Nobody is told, and nobody replays it.
	} else if t.w.opts.Topology.Config.Acking {
		k := kept{stream: g.Stream, n: g.N, cols: g.Cols, direct: append(multilang.U32s(nil), g.Direct...), first: first, wants: g.How, back: replays, child: t.incarnation(), born: now}
		if g.How == multilang.AnchorEnds {
			k.some = positions(g.Anchors)
		}
		if replays && g.How == multilang.AnchorEach {
			k.cols = nil
		}
		in.roots, in.edges = t.ledger.keep(k, nil, nil)
	} else {
		t.ledger.endUntracked(g, first, bad)
	}
	sent := g
	if len(bad) > 0 {
		sent = t.sound(in, g, bad)
	}
	r.begin(in, 1)
	if r.sent = r.sent[:0]; sent.N > 0 {
		r.emit(in, sent, r.from, nil, true)
	}
	r.end(in, now)
	if g.IDs >= 0 {
		t.answerTasks(uint32(g.IDs), r.sent)
	}
	t.giveUp(g, bad, in.roots)
}

// own copies columns out of the read buffer, with one allocation.
func own(cols []multilang.Column) []multilang.Column {
	size := 0
	for _, c := range cols {
		size += len(c.Data)
	}
	buf := make([]byte, 0, size)
	out := make([]multilang.Column, len(cols))
	for i, c := range cols {
		at := len(buf)
		buf = append(buf, c.Data...)
		out[i] = multilang.Column{Kind: c.Kind, Data: buf[at:len(buf):len(buf)]}
	}
	return out
}

func positions(u multilang.U32s) map[uint32]bool {
	m := make(map[uint32]bool, u.Len())
	for i := range u.Len() {
		m[u.At(i)] = true
	}
	return m
}

// endUntracked gives rows that want an outcome one at once: with acking off
// nothing is known of them later (Storm does the same). The bad ones were refused.
func (l *ledger) endUntracked(g *multilang.Group, first uint32, bad []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := kept{wants: g.How, some: positions(g.Anchors)}
	for row := range uint32(g.N) {
		if !k.wantsOutcome(row) {
			continue
		}
		told := &l.told.acked
		if _, refused := slices.BinarySearch(bad, int(row)); refused {
			told = &l.told.failed
		}
		*told = append(*told, first+row)
	}
}

// replayDue sends the failed tuples whose time has come, and tells when the next is due.
func (t *task) replayDue(now time.Time) time.Time {
	if t.heldBack() {
		return now.Add(heldBackPause)
	}
	ready, next := t.ledger.due(now)
	r := t.replays
	for _, a := range ready {
		in := &input{roots: []acker.Root{a.root}, edges: []uint64{a.edge}, acked: 1}
		r.solo = a.solo
		r.begin(in, 1)
		r.emit(in, a.group, []int32{0}, nil, true)
		r.end(in, now)
		r.stuffed = r.stuffed[:0]
	}
	return next
}

// heldBackPause is how long replays wait for room downstream before they look again.
const heldBackPause = 10 * time.Millisecond

// isFinished tells whether the spout has said that it will emit no more.
func (t *task) isFinished() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spout.finished
}

// isAnswering tells whether the spout may emit without being asked again.
func (t *task) isAnswering() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.spout
	return len(t.inflight) > 0 && (!s.finished || s.listens) && !s.mute || s.hears && s.mode == Active && t.state == Running
}

// tire gives up waiting for the answers of a spout that was told to pause, once
// it has said nothing for as long as it would get to stop: its code does not return.
func (t *task) tire(now time.Time) {
	t.mu.Lock()
	s := &t.spout
	tired := !s.mute && !s.rested.IsZero() && len(t.inflight) > 0 && now.Sub(s.rested) >= t.w.opts.StopTimeout
	s.mute = s.mute || tired
	t.mu.Unlock()
	if tired {
		t.w.stir()
	}
}
