package worker

import (
	"context"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
)

// outliveLook is how often the ledger of a task that went elsewhere is looked at.
const outliveLook = 50 * time.Millisecond

// outlive keeps the ledger of a spout task that goes to another worker, until its
// trees have ended: their rows go on. Nobody is there to send a tuple again, so
// what has failed, and what makes no progress for the message timeout, is given up. mu is held.
func (w *Worker) outlive(t *task) {
	w.retired = append(w.retired, t.ledger)
	ctx := w.running
	if ctx == nil {
		return // it has never emitted
	}
	w.outlived.Store(t.id, t.ledger)
	w.wg.Go(func() {
		<-t.stopped
		t.ledger.lastTrees(ctx, w.opts.Topology.Config.MessageTimeout)
		t.ledger.giveUp(failure{cause: acker.Switched, text: "its spout task went to another worker before the tuple was done"})
		w.outlived.CompareAndDelete(t.id, t.ledger)
		w.stir()
	})
}

// outliving tells whether spout tasks that went elsewhere have tuples left here.
func (w *Worker) outliving() (some bool) {
	w.outlived.Range(func(_, l any) bool {
		some = l.(*ledger).pending() > 0
		return !some
	})
	return some
}

// lastTrees waits until no tree is left, none has been done for limit, or ctx ends.
func (l *ledger) lastTrees(ctx context.Context, limit time.Duration) {
	ticker := time.NewTicker(outliveLook)
	defer ticker.Stop()
	begun := time.Now()
	for {
		l.mu.Lock()
		live, since := l.table.Live(), later(begun, l.moved)
		l.mu.Unlock()
		if live == 0 || time.Since(since) >= limit {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// ledgerOf returns the ledger of a spout task that runs here, or has; nil if
// there is none whose trees anybody waits for.
func (w *Worker) ledgerOf(id topology.TaskID) *ledger {
	if t := w.taskOf(id); t != nil {
		return t.ledger
	}
	if l, ok := w.outlived.Load(id); ok {
		return l.(*ledger)
	}
	return nil
}
