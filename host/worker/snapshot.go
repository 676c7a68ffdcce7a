package worker

import (
	"cmp"
	"slices"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
)

// Snapshot is a worker's figures at one moment. Counts are since it began.
// Durations are in nanoseconds where it is written as JSON.
type Snapshot struct {
	Time    time.Time        `json:"time"`
	Started time.Time        `json:"started"`
	Summary Summary          `json:"summary"`
	ByCause map[string]int64 `json:"failed_by_cause,omitempty"` // failed attempts
	Blamed  []Blamed         `json:"failed_at,omitempty"`       // the same, by where they failed
	Late    int64            `json:"late"`                      // changes of trees that had ended
	Orphans int64            `json:"orphans"`                   // outcomes of tuples whose spout's child is dead
	CPU     time.Duration    `json:"cpu_ns"`                    // of this process
	MaxRSS  int64            `json:"max_rss"`                   // of this process, bytes
	Tasks   []TaskFigures    `json:"tasks"`
	GivenUp *GivenUp         `json:"given_up,omitempty"` // nil: nothing was
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

	Credit int `json:"credit"` // rows that its senders may still emit before they are held back; of a spout, trees that it may begin now

	Times map[string]metrics.Histogram `json:"times,omitempty"` // by stage

	P50 time.Duration `json:"p50_ns,omitempty"` // of a spout: from emit until the tree is done
	P90 time.Duration `json:"p90_ns,omitempty"`
	P99 time.Duration `json:"p99_ns,omitempty"`
	Row time.Duration `json:"row_ns,omitempty"` // of a bolt: what a row takes in its child, smoothed; 0: not known yet

	CPU     time.Duration `json:"cpu_ns"`  // of children that have ended, with all they started; after [Worker.LookAtChildren] of the living one, too
	RSS     int64         `json:"rss"`     // of the living child, with all it started, bytes; 0 before LookAtChildren
	MaxRSS  int64         `json:"max_rss"` // of the largest process among those, bytes
	Metrics []Metric      `json:"metrics,omitempty"`
}

// Blamed counts the attempts that failed at a task, or nobody knows where, for one reason.
type Blamed struct {
	Component topology.ComponentID `json:"component,omitempty"`
	Task      topology.TaskID      `json:"task,omitempty"`
	Cause     string               `json:"cause"`
	N         int64                `json:"n"`
}

// Snapshot returns the figures as they stand.
func (w *Worker) Snapshot() Snapshot {
	s := Snapshot{Time: time.Now(), Started: w.started, Summary: w.Summary(), GivenUp: w.givenUp.Load()}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		s.CPU = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		s.MaxRSS = int64(usage.Maxrss) * rssUnit //nolint:unconvert // 32 bits wide elsewhere
	}
	for _, t := range w.allTasks() {
		f := t.figures()
		if pool := t.pool.Load(); pool != nil && t == w.tasksOf(t.comp)[0] {
			_, rows := pool.peek()
			f.Queued += rows
			f.Credit = max(pool.limit()-rows, 0)
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
	for b, n := range l.blamed {
		if s.ByCause == nil {
			s.ByCause = map[string]int64{}
		}
		s.ByCause[b.cause.String()] += n
		at := Blamed{Component: b.component, Task: b.task, Cause: b.cause.String()}
		i, found := slices.BinarySearchFunc(s.Blamed, at, Blamed.compare)
		if !found {
			s.Blamed = slices.Insert(s.Blamed, i, at)
		}
		s.Blamed[i].N += n
	}
	s.Late += int64(l.table.Late())
	s.Orphans += l.orphans
}

// compare orders by everything but the count.
func (b Blamed) compare(o Blamed) int {
	return cmp.Or(cmp.Compare(b.Component, o.Component), cmp.Compare(b.Task, o.Task), cmp.Compare(b.Cause, o.Cause))
}

// LookAtChildren adds to a snapshot what the living children use, as the system
// tells it now: some 20 µs a process. Outside Linux nothing is known.
func (w *Worker) LookAtChildren(s *Snapshot) {
	tasks := w.allTasks()
	for i := range s.Tasks {
		f := &s.Tasks[i]
		at := slices.IndexFunc(tasks, func(t *task) bool { return t.id == f.Task })
		if at < 0 {
			continue
		}
		t := tasks[at]
		t.mu.Lock()
		child := t.process
		t.mu.Unlock()
		if child == nil || child.PID() != f.PID {
			continue // it has died since, and its successor's figures are another day's
		}
		if sample, err := child.Sample(); err == nil { // else it is dead, or this is no Linux
			f.CPU, f.RSS = f.CPU+sample.CPU, sample.RSS
		}
	}
}

func (t *task) figures() TaskFigures {
	f := TaskFigures{Component: t.comp.ID, Kind: t.comp.Kind, Spout: t.ledger != nil, Task: t.id, Index: t.index,
		Received: t.stats.received.Load(), Emitted: t.stats.emitted.Load(), Acked: t.stats.acked.Load(), Failed: t.stats.failed.Load(),
		Errors: t.stats.errors.Load(), Restarts: t.stats.restarts.Load(), Strays: t.stats.strays.Load(), Overflow: t.stats.overflowed.Load(),
		InChild: int(t.busy.Load()), Metrics: t.metrics.all()}
	_, f.Queued = t.inbox.peek()
	f.Credit = max(t.inbox.limit()-f.Queued, 0)
	held := t.heldBack()
	t.mu.Lock()
	f.State, f.StateName, f.Why, f.Held = t.state, t.state.String(), t.why, len(t.held)
	f.CPU, f.MaxRSS, f.Times = t.cpu, t.maxRSS, t.timesNow()
	if t.ledger == nil {
		f.Row = t.pace.PerRow()
	}
	if t.process != nil {
		f.PID = t.process.PID()
	}
	active, limit, asked := t.spout.mode == Active && !t.spout.finished, t.pendingLimit(), t.spout.asked
	t.mu.Unlock()
	if l := t.ledger; l != nil {
		f.Pending, f.Credit = l.pending(), 0
		if active && !held {
			rows, _ := l.room(limit - asked)
			f.Credit = max(rows, 0)
		}
		l.mu.Lock()
		if len(l.tree.Counts) > 0 {
			f.Times[StageTree] = l.tree.Clone()
		}
		f.P50, f.P90, f.P99 = l.tree.Quantile(0.5), l.tree.Quantile(0.9), l.tree.Quantile(0.99)
		f.Acked, f.Failed = l.sum.Acked, l.sum.Failed
		l.mu.Unlock()
	}
	return f
}
