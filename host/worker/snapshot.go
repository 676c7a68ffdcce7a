package worker

import (
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
)

// Snapshot is a worker's figures at one moment. Counts are since it began.
type Snapshot struct {
	Time    time.Time
	Started time.Time
	Summary Summary
	ByCause [acker.Causes]int64 // failed attempts
	Tasks   []TaskFigures
}

// TaskFigures are the figures of one task.
type TaskFigures struct {
	Component topology.ComponentID
	Kind      topology.Kind
	Task      topology.TaskID
	Index     int
	State     State
	Why       string
	PID       int // 0 if there is no child

	Received int64 // rows handed to the child; of a spout, rows it emitted
	Emitted  int64
	Acked    int64
	Failed   int64
	Errors   int64
	Restarts int64
	Strays   int64 // acks, fails and anchors of rows that were done with
	Overflow int64 // rows for which a cycle had no room

	Queued  int // rows in the inbox; the component's pool counts for its first task
	InChild int // rows handed over and not answered
	Held    int
	Pending int // of a spout: trees in flight, replays included

	P50, P99 time.Duration // of a spout: from emit until the tree is done
	Metrics  []Metric
}

// Snapshot returns the figures as they stand.
func (w *Worker) Snapshot() Snapshot {
	s := Snapshot{Time: time.Now(), Started: w.started, Summary: w.Summary()}
	for _, t := range w.tasks {
		f := t.figures()
		if t.pool != nil && t.index == 0 {
			_, rows := t.pool.peek()
			f.Queued += rows
		}
		s.Tasks = append(s.Tasks, f)
	}
	for _, l := range w.ledgers {
		l.mu.Lock()
		for c, n := range l.byCause {
			s.ByCause[c] += n
		}
		l.mu.Unlock()
	}
	return s
}

func (t *task) figures() TaskFigures {
	f := TaskFigures{Component: t.comp.ID, Kind: t.comp.Kind, Task: t.id, Index: t.index,
		Received: t.stats.received.Load(), Emitted: t.stats.emitted.Load(), Acked: t.stats.acked.Load(), Failed: t.stats.failed.Load(),
		Errors: t.stats.errors.Load(), Restarts: t.stats.restarts.Load(), Strays: t.stats.strays.Load(), Overflow: t.stats.overflowed.Load(),
		InChild: int(t.busy.Load()), Metrics: t.metrics.all()}
	_, f.Queued = t.inbox.peek()
	t.mu.Lock()
	f.State, f.Why, f.Held = t.state, t.why, len(t.held)
	if t.process != nil {
		f.PID = t.process.PID()
	}
	t.mu.Unlock()
	if l := t.ledger; l != nil {
		f.Pending = l.pending()
		l.mu.Lock()
		f.P50, f.P99 = l.latency.quantile(0.5), l.latency.quantile(0.99)
		f.Acked, f.Failed = l.sum.Acked, l.sum.Failed
		l.mu.Unlock()
	}
	return f
}

// CauseName names an index of Snapshot.ByCause.
func CauseName(i int) string { return acker.Cause(i).String() }
