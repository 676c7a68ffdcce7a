package worker

import (
	"context"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
)

// ticksPerTimeout is how finely the message timeout is measured.
const ticksPerTimeout = 6

// minTick bounds how often the trees are looked at.
const minTick = 20 * time.Millisecond

// watchTrees fails trees that make no progress for the message timeout. A row
// that waits in an inbox counts as progress: nobody is to blame but the load. Rows
// of no tree it only forgets.
func (w *Worker) watchTrees(ctx context.Context) {
	timeout := w.opts.Topology.Config.MessageTimeout
	if timeout <= 0 {
		return
	}
	ticker := time.NewTicker(max(timeout/ticksPerTimeout, minTick))
	defer ticker.Stop()
	for tick := uint32(1); ; tick++ {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if w.opts.Topology.Config.Acking {
				w.expire(tick)
			}
			w.forgetUntracked(now)
		}
	}
}

// expire begins a tick and fails what has not moved for all ticks of a timeout.
// Rows here may be of trees of other workers, which are told what concerns them.
func (w *Worker) expire(tick uint32) {
	trees := 0
	for _, l := range w.localLedgers() {
		trees += l.tick(tick)
	}
	alone := len(*w.peers.Load()) == 0
	if trees == 0 && alone {
		return
	}
	w.touchQueued()
	if !alone {
		w.blamed.turn()
		w.confess(time.Now())
	}
	if trees == 0 || tick <= ticksPerTimeout {
		return
	}
	var overdue []acker.Root
	for _, l := range w.localLedgers() {
		overdue = l.overdue(tick-ticksPerTimeout-1, overdue)
	}
	if len(overdue) > 0 {
		w.timeOut(overdue)
	}
}

func (l *ledger) tick(tick uint32) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.Tick(tick)
	before := l.bytes
	l.compact()
	if l.bytes < before {
		l.t.poke() // the spout may have waited for the room
	}
	return l.table.Live()
}

func (l *ledger) overdue(since uint32, roots []acker.Root) []acker.Root {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Overdue(since, roots)
}

// touchQueued restarts the clocks of trees with rows in an inbox, or in a child
// whose answers are not read.
func (w *Worker) touchQueued() {
	for _, c := range w.components {
		for _, in := range slices.Concat(c.inboxes, *c.pools.Load()) {
			var roots []acker.Root
			in.mu.Lock()
			in.queue.Each(func(b *stream.Batch) { roots = append(roots, b.Waiting()...) })
			in.mu.Unlock()
			w.touch(roots)
		}
	}
	for _, t := range w.allTasks() {
		w.touch(t.unread())
	}
}

// unread returns the trees of the rows that the child has while its answers
// are not read, because there is no room for what they emit.
func (t *task) unread() (roots []acker.Root) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reading {
		return nil
	}
	t.eachRow(func(root acker.Root, what string, _ time.Time) {
		if what != heldRows {
			roots = append(roots, root)
		}
	})
	return roots
}
