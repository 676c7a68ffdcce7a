package worker

import (
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Stall says how long nothing has come of what a worker's spouts have emitted,
// and which task of the worker has kept a row for longest. The one may be due to
// a task of another worker, and the other be no harm: who sees all workers of a
// topology can tell.
type Stall struct {
	Quiet time.Duration // since a tree of one of its spouts was done; 0: none is in flight
	Task  topology.TaskID
	Name  string        // as count[2], with its id; empty: none keeps a row
	For   time.Duration // since when it has kept one
	Doing string        // what it does with it: worked on, held
}

// Stall returns how it stands now.
func (w *Worker) Stall() (s Stall) {
	now := time.Now()
	first := true
	for _, l := range w.localLedgers() {
		// The spout that gets on best counts: the topology makes progress then.
		if quiet, pending := l.quiet(now); pending && (first || quiet < s.Quiet) {
			s.Quiet, first = quiet, false
		}
	}
	for _, t := range w.allTasks() {
		if kept, doing := t.keeps(now); kept > s.For {
			s.Task, s.Name, s.For, s.Doing = t.id, t.name, kept, doing
		}
	}
	return s
}

// quiet returns for how long no tree was done, and whether there are any.
func (l *ledger) quiet(now time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(now.Sub(l.moved), 1), l.table.Live()+len(l.replays) > 0
}

// keeps returns for how long a bolt's child has had its oldest row: one that it
// works on, or else one that it holds.
func (t *task) keeps(now time.Time) (kept time.Duration, doing string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ledger != nil {
		return 0, ""
	}
	for _, f := range t.inflight {
		if f.batch != nil {
			return now.Sub(f.sent), "worked on"
		}
	}
	for _, h := range t.held {
		if d := now.Sub(h.since); d > kept {
			kept, doing = d, "held"
		}
	}
	return kept, doing
}
