// Package process is a worker process around its engine: it registers with
// the coordinator, follows what its run is to do and where its tasks are, tells
// how it goes, answers at its slot's socket and over HTTP, and ends when it is
// told to, or when its place is not its own any more.
//
// Loss of the coordinator changes nothing: tuples flow for as long as it lasts.
// A process that is started meanwhile goes by what the one before it last knew.
package process

import (
	"context"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// Engine runs the tasks of a worker. Its methods may be called concurrently.
// All but Run return at once.
type Engine interface {
	// Run runs the tasks until all have ended after Drain, or until ctx ends;
	// then children are killed. It is called once. An error says why the tasks
	// cannot go on.
	Run(ctx context.Context) error

	// SetMode says what spouts are to do. Before the first call they do what
	// they do in mode Staged.
	SetMode(cluster.Mode)

	// Assign says where the run's tasks are now. Tasks that stay are not disturbed.
	Assign(cluster.Assignment)

	// Drain ends the spouts, lets trees finish, and stops the tasks in order.
	Drain()

	// Progress returns the mode that all tasks have reached, empty if that is
	// none yet, and when Inactive is wanted whether nothing is in flight any more.
	Progress() (mode cluster.Mode, idle bool)

	// Figures returns the figures as they stand; children: with what the tasks'
	// processes use, which the system is asked for, some 20 µs each.
	Figures(children bool) api.WorkerFigures

	// Failures returns what is known of the errors of components, each its own
	// copy. Host, Worker and Version are left empty.
	Failures() []cluster.Failures
}

// EngineOptions say what an engine runs, and whom it tells.
type EngineOptions struct {
	Run         cluster.RunID
	Incarnation cluster.Incarnation
	Topology    *topology.Topology
	Assignment  cluster.Assignment
	Place       cluster.Place
	Bundle      string // folder with the code
	Scratch     string // folder for the tasks' own folders
	DeadFile    string // where tuples that are given up go
	Observer    Observer
}

// Observer is told what happens in an engine. Its methods are called from many
// goroutines, and must be quick.
type Observer interface {
	Line(Line)
	Failure(api.Failure) // the first of its kind, or again after a second: [Engine] counts all
	State(TaskState)
}

// Line is something that a component said.
type Line struct {
	Time      time.Time
	Component topology.ComponentID
	Task      topology.TaskID
	PID       int
	Level     string // as slog writes them
	Logger    string
	Text      string
	Raw       bool // printed, not logged
}

// TaskState is a task's state, and the reason for it, if it is not a good one.
type TaskState struct {
	Component topology.ComponentID
	Task      topology.TaskID
	Ready     bool
	Died      bool // the state follows a death
	Why       string
}
