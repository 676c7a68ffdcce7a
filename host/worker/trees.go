package worker

import (
	"context"
	"fmt"
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
// that waits in an inbox counts as progress: nobody is to blame but the load.
func (w *Worker) watchTrees(ctx context.Context) {
	timeout := w.opts.Topology.Config.MessageTimeout
	if !w.opts.Topology.Config.Acking || timeout <= 0 {
		return
	}
	ticker := time.NewTicker(max(timeout/ticksPerTimeout, minTick))
	defer ticker.Stop()
	for tick := uint32(1); ; tick++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.expire(tick)
		}
	}
}

// expire begins a tick and fails what has not moved for all ticks of a timeout.
func (w *Worker) expire(tick uint32) {
	trees := 0
	for _, l := range w.localLedgers() {
		trees += l.tick(tick)
	}
	if trees == 0 {
		return
	}
	w.touchQueued()
	if tick <= ticksPerTimeout {
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
	l.compact()
	return l.table.Live()
}

func (l *ledger) overdue(since uint32, roots []acker.Root) []acker.Root {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Overdue(since, roots)
}

// touchQueued restarts the clocks of trees with rows in an inbox.
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
}

// timeOut fails trees, naming the component that sits on their rows.
func (w *Worker) timeOut(roots []acker.Root) {
	where := make(map[acker.Root]failure, len(roots))
	for _, r := range roots {
		where[r] = failure{cause: acker.Timeout, text: fmt.Sprintf("no progress for %s, and no component has a row of it", w.opts.Topology.Config.MessageTimeout)}
	}
	for _, t := range w.allTasks() {
		t.locate(where)
	}
	for _, r := range roots {
		w.reportTimeout(where[r])
		w.failRoot(r, where[r])
	}
}

// reportTimeout tells of a tree that timed out, if it is known where.
func (w *Worker) reportTimeout(f failure) {
	if f.component == "" {
		return
	}
	x := Failure{Time: time.Now(), Component: f.component, Task: f.task, Kind: f.cause.String(), Type: "Timeout", Message: f.text}
	if out, tell := w.failures.add(x); tell {
		w.opts.Observer.Failure(out)
	}
}

// locate fills in where rows are that are in the child or held by it. What is
// held for trees that time out is forgotten: an ack of it comes too late.
func (t *task) locate(where map[acker.Root]failure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	blame := func(root acker.Root, what string, since time.Time) {
		if f, ok := where[root]; ok {
			f.component, f.task = t.comp.ID, t.id
			f.text = fmt.Sprintf("%s has %s a row of it for %s (message_timeout is %s)", t.name, what, now.Sub(since).Round(time.Millisecond), t.w.opts.Topology.Config.MessageTimeout)
			where[root] = f
		}
	}
	for at, h := range t.held {
		blame(h.root, "held", h.since)
		_, all := where[h.root]
		for _, x := range h.extras {
			blame(x, "held", h.since)
			_, overdue := where[x]
			all = all && overdue
		}
		if all { // whoever never acks must not be remembered for ever, replay after replay
			delete(t.held, at)
		}
	}
	for _, f := range t.inflight {
		if f.batch == nil || len(f.batch.Roots) == 0 {
			continue
		}
		for row := f.covered; row < f.n; row++ {
			if !f.done[row] {
				blame(f.batch.Roots[row], "worked on", f.sent)
			}
		}
		for _, x := range f.batch.Extras {
			blame(x.Root, "worked on", f.sent)
		}
	}
}
