package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/shells"
)

// stopInOrder ends the tasks component by component, senders before receivers:
// a last tick, then stop; what on_stop emits reaches its consumers before
// their turn comes. Workers that end together do so in step.
func (w *Worker) stopInOrder(ctx context.Context) error {
	w.attentive.Add(1)
	w.ending.Store(true)
	if err := w.gather(ctx); err != nil {
		return err
	}
	for n, group := range topology.StopOrder(w.opts.Topology) {
		if err := w.until(ctx, nil, func() bool { return !w.company.behind(*w.peers.Load(), n) }); err != nil {
			return err
		}
		if err := w.settle(ctx); err != nil { // what the others' components have emitted last
			return err
		}
		for _, id := range group {
			for _, t := range w.tasksOfComponent(id) {
				t.stop()
			}
		}
		for _, id := range group {
			for _, t := range w.tasksOfComponent(id) {
				select {
				case <-t.stopped:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}
		for _, id := range group {
			w.closeInboxes(w.byID[id], true)
		}
		if err := w.settle(ctx); err != nil {
			return err
		}
		w.announce(n + 1)
	}
	return nil
}

// closeInboxes forgets what waits for a component; over: it has stopped here.
func (w *Worker) closeInboxes(c *component, over bool) {
	for _, in := range slices.Concat(c.inboxes, *c.pools.Load()) {
		in.close(over)
	}
}

// settle waits until nothing is in flight.
func (w *Worker) settle(ctx context.Context) error { return w.until(ctx, nil, w.idle) }

func (w *Worker) tasksOfComponent(id topology.ComponentID) []*task { return w.tasksOf(w.byID[id]) }

// closing tells whether the components are being stopped: nothing waits for company any more.
func (w *Worker) closing() bool { return w.isDraining() || w.opts.Finite && w.finished() }

// sendBatches feeds what waits for a batch to become full, which it will not.
func (w *Worker) sendBatches() {
	for _, t := range w.allTasks() {
		if t.comp.Batch.Wait > 0 {
			t.pump()
		}
	}
}

// stop asks the task's loop to end its child.
func (t *task) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.stops:
	default:
		close(t.stops)
	}
}

func (t *task) isStopping() bool {
	select {
	case <-t.stops:
		return true
	default:
		return false
	}
}

// end tells the child to stop, and sees to it that it does.
func (t *task) end(ctx context.Context) {
	t.mu.Lock()
	p, ready := t.process, !t.ready.IsZero()
	if p != nil {
		t.state, t.why = Stopping, "" // from here on it is handed nothing more
	}
	if p != nil && ready {
		if t.comp.Tick > 0 {
			t.signal(multilang.TypeTick)
		}
		var buf []byte
		if t.ledger != nil {
			buf = t.appendOutcomes(buf) // it may have a commit to make
		}
		buf, at := multilang.BeginFrame(buf)
		p.Write(multilang.EndFrame(multilang.AppendStop(buf, t.w.opts.StopTimeout.Milliseconds()), at))
	}
	t.mu.Unlock()
	if p == nil {
		return
	}
	t.setState(Stopping, "")
	wait := t.w.opts.StopTimeout
	if !ready {
		wait = 0
	}
	why := fmt.Errorf("it did not stop within %s", t.w.opts.StopTimeout)
	if err := p.Stop(ctx, shells.Deadlines{Exit: wait, Term: time.Second}, why); err != nil {
		t.w.log.Error("child cannot be ended", "component", t.comp.ID, "task", t.id, "pid", p.PID(), "err", err)
	}
}
