package worker

import (
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Observer is told what happens in a worker. Its methods are called from many
// goroutines, and hold up the task that calls them: they must be quick.
type Observer interface {
	// Line takes a line that a component logged or printed.
	Line(Line)
	// Failure takes an error of a component: the first of its kind with
	// Count 1, later ones with the count so far, at most one a second. Those
	// that it is not told of are counted in [Worker.Failures].
	Failure(Failure)
	// State takes a task's new state.
	State(TaskState)
}

// Silent is an [Observer] that does nothing.
type Silent struct{}

// Line does nothing.
func (Silent) Line(Line) {}

// Failure does nothing.
func (Silent) Failure(Failure) {}

// State does nothing.
func (Silent) State(TaskState) {}

var _ Observer = Silent{}

// Level is the level of a line, as PROTOCOL.md numbers them.
type Level int

// The levels.
const (
	LevelTrace Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
)

// Line is something a component said.
type Line struct {
	Time      time.Time
	Component topology.ComponentID
	Task      topology.TaskID
	PID       int
	Level     Level
	Logger    string
	Text      string
	Raw       bool // printed, or written to stderr, not logged
}

// Failure is an error of user code or the end of a child. Those with the same
// component, kind, type and place are of one kind, and are counted.
type Failure struct {
	Time      time.Time
	Component topology.ComponentID
	Task      topology.TaskID
	Kind      string // "exception", "fail", "exit", "start"
	Type      string
	Message   string
	Place     string // file:line
	Traceback string // or the record of the child's end
	Count     int64  // of its kind so far; only [Observer] is told
	From      string // the component, and if it is not the default one the stream, that the tuple came from; empty: it is of no tuple
	Tuple     string // its values, as a JSON object; of a child's end: of the tuple that it most likely had in hand
	Attempt   int    // the tuple's, from 1; 0: not known here
}

// ComponentFailures is what is known of a component's failures.
type ComponentFailures struct {
	Component topology.ComponentID
	Count     int64         // of all, whether their kind is kept or not
	Kinds     []FailureKind // the one that there was first, then the others, that with the latest failure last
}

// FailureKind is failures of one kind, for as long as it has been kept. The
// first and the last are each as they were; they are equal if there was one, or
// if of later ones not all was written down.
type FailureKind struct {
	Count       int64
	First, Last Failure
}

// TaskState is a task's state and the reason for it, if it is not a good one.
type TaskState struct {
	Component topology.ComponentID
	Task      topology.TaskID
	Index     int
	State     State
	Why       string
}

// line passes a line on.
func (w *Worker) line(l Line) {
	l.Time = time.Now()
	w.opts.Observer.Line(l)
}
