package worker

import (
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
)

// Snapshot is a worker's figures at one moment. Counts are since it began.
// Durations are in nanoseconds where it is written as JSON.
type Snapshot struct {
	Time    time.Time        `json:"time"`
	Started time.Time        `json:"started"`
	Summary Summary          `json:"summary"`
	ByCause map[string]int64 `json:"failed_by_cause,omitempty"` // failed attempts
	Late    int64            `json:"late"`                      // changes of trees that had ended
	Orphans int64            `json:"orphans"`                   // outcomes of tuples whose spout's child is dead
	CPU     time.Duration    `json:"cpu_ns"`                    // of this process
	MaxRSS  int64            `json:"max_rss"`                   // of this process, bytes
	Tasks   []TaskFigures    `json:"tasks"`
}

// TaskFigures are the figures of one task.
type TaskFigures struct {
	Component topology.ComponentID `json:"component"`
	Kind      topology.Kind        `json:"-"`
	Spout     bool                 `json:"spout,omitempty"`
	Task      topology.TaskID      `json:"task"`
	Index     int                  `json:"index"`
	State     State                `json:"-"`
	StateName string               `json:"state"`
	Why       string               `json:"why,omitempty"`
	PID       int                  `json:"pid,omitempty"` // 0 if there is no child

	Received int64 `json:"received"` // rows handed to the child; of a spout, rows it emitted
	Emitted  int64 `json:"emitted"`
	Acked    int64 `json:"acked"` // of a spout: trees
	Failed   int64 `json:"failed"`
	Errors   int64 `json:"errors"`
	Restarts int64 `json:"restarts"`
	Strays   int64 `json:"strays,omitempty"`   // acks, fails and anchors of rows that were done with
	Overflow int64 `json:"overflow,omitempty"` // rows for which a cycle had no room

	Queued  int `json:"queued"`            // rows in the inbox; the component's pool counts for its first task here
	InChild int `json:"in_child"`          // rows handed over and not answered
	Held    int `json:"held,omitempty"`    // rows that user code will ack later
	Pending int `json:"pending,omitempty"` // of a spout: trees in flight, replays included

	P50 time.Duration `json:"p50_ns,omitempty"` // of a spout: from emit until the tree is done
	P99 time.Duration `json:"p99_ns,omitempty"`
	Row time.Duration `json:"row_ns,omitempty"` // of a bolt: what a row takes in its child, smoothed; 0: not known yet

	CPU     time.Duration `json:"cpu_ns"`  // of children that have ended, with all they started
	MaxRSS  int64         `json:"max_rss"` // of the largest process among those, bytes
	Metrics []Metric      `json:"metrics,omitempty"`
}

// Snapshot returns the figures as they stand.
func (w *Worker) Snapshot() Snapshot {
	s := Snapshot{Time: time.Now(), Started: w.started, Summary: w.Summary()}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		s.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		s.MaxRSS = int64(usage.Maxrss) * rssUnit
	}
	for _, t := range w.allTasks() {
		f := t.figures()
		if pool := t.pool.Load(); pool != nil && t == w.tasksOf(t.comp)[0] {
			_, rows := pool.peek()
			f.Queued += rows
		}
		s.Tasks = append(s.Tasks, f)
	}
	for _, l := range w.localLedgers() {
		l.addFigures(&s)
	}
	return s
}

func (l *ledger) addFigures(s *Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c, n := range l.byCause {
		if n > 0 && s.ByCause == nil {
			s.ByCause = map[string]int64{}
		}
		if n > 0 {
			s.ByCause[acker.Cause(c).String()] += n
		}
	}
	s.Late += int64(l.table.Late())
	s.Orphans += l.orphans
}

func (t *task) figures() TaskFigures {
	f := TaskFigures{Component: t.comp.ID, Kind: t.comp.Kind, Spout: t.ledger != nil, Task: t.id, Index: t.index,
		Received: t.stats.received.Load(), Emitted: t.stats.emitted.Load(), Acked: t.stats.acked.Load(), Failed: t.stats.failed.Load(),
		Errors: t.stats.errors.Load(), Restarts: t.stats.restarts.Load(), Strays: t.stats.strays.Load(), Overflow: t.stats.overflowed.Load(),
		InChild: int(t.busy.Load()), Metrics: t.metrics.all()}
	_, f.Queued = t.inbox.peek()
	t.mu.Lock()
	f.State, f.StateName, f.Why, f.Held = t.state, t.state.String(), t.why, len(t.held)
	f.CPU, f.MaxRSS = t.cpu, t.maxRSS
	if t.ledger == nil {
		f.Row = t.pace.PerRow()
	}
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
