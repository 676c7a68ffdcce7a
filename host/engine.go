package host

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
	"github.com/polybolt/polybolt/shells"
)

var _ process.Engine = (*engine)(nil)

// engine is the engine of a worker process: host/worker, started when its
// spouts are to run, and drained when they are to pause.
type engine struct {
	o    process.EngineOptions
	sdk  *shells.SDK
	log  *slog.Logger
	dead *deadFile

	changed chan struct{} // capacity 1: mode, or draining, has changed

	mu       sync.Mutex
	mode     cluster.Mode   // guarded by mu: what is wanted
	worker   *worker.Worker // guarded by mu: nil while no tasks run
	paused   bool           // guarded by mu: the tasks have ended, all trees were done
	draining bool           // guarded by mu
}

// newEngine makes the engine of a worker process.
func newEngine(o process.EngineOptions, log *slog.Logger) (*engine, error) {
	if len(o.Assignment.Workers) != 1 {
		return nil, fmt.Errorf("%s is assigned to %d workers, and this version runs all tasks in one: set config.workers to 1", o.Run, len(o.Assignment.Workers))
	}
	state, err := shells.StateDir()
	if err != nil {
		return nil, err
	}
	sdk, err := shells.OpenSDK(state)
	if err != nil {
		return nil, err
	}
	return &engine{o: o, sdk: sdk, log: log, dead: &deadFile{path: o.DeadFile}, changed: make(chan struct{}, 1), mode: cluster.Staged}, nil
}

// Run implements [process.Engine].
func (e *engine) Run(ctx context.Context) error {
	defer e.dead.close()
	for {
		e.mu.Lock()
		mode, draining := e.mode, e.draining
		e.mu.Unlock()
		if draining {
			return nil
		}
		if mode == cluster.Active {
			if err := e.once(ctx); err != nil {
				return err
			}
			continue
		}
		select {
		case <-e.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// once runs the tasks until they are to pause, or to end.
func (e *engine) once(ctx context.Context) error {
	w, err := worker.New(worker.Options{
		Topology: e.o.Topology, Bundle: e.o.Bundle, Scratch: e.o.Scratch, SDK: e.sdk,
		Observer: engineObserver{e.o.Observer}, Dead: e.dead, Log: e.log,
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.worker, e.paused = w, false
	if e.draining || e.mode != cluster.Active {
		w.Drain()
	}
	e.mu.Unlock()
	err = w.Run(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.worker, e.paused = nil, true
	return err
}

// SetMode implements [process.Engine].
func (e *engine) SetMode(m cluster.Mode) {
	e.mu.Lock()
	e.mode = m
	if e.worker != nil && m != cluster.Active {
		e.worker.Drain()
	}
	e.mu.Unlock()
	e.poke()
}

// Drain implements [process.Engine].
func (e *engine) Drain() {
	e.mu.Lock()
	e.draining = true
	if e.worker != nil {
		e.worker.Drain()
	}
	e.mu.Unlock()
	e.poke()
}

func (e *engine) poke() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// Assign implements [process.Engine].
func (e *engine) Assign(a cluster.Assignment) {
	if len(a.Workers) != 1 {
		e.log.Error("this version runs all tasks in one worker", "workers", len(a.Workers))
	}
}

// Progress implements [process.Engine].
func (e *engine) Progress() (mode cluster.Mode, idle bool) {
	e.mu.Lock()
	w, wanted, paused := e.worker, e.mode, e.paused
	e.mu.Unlock()
	switch {
	case w == nil && wanted == cluster.Active:
		return "", false
	case w == nil && paused:
		return cluster.Inactive, true
	case w == nil:
		return wanted, true
	case wanted != cluster.Active:
		return cluster.Active, false // it drains
	}
	for _, t := range w.Snapshot().Tasks {
		if t.State != worker.Running {
			return "", false
		}
	}
	return cluster.Active, false
}

// Figures implements [process.Engine].
func (e *engine) Figures() api.WorkerFigures {
	e.mu.Lock()
	w := e.worker
	e.mu.Unlock()
	if w == nil {
		return api.WorkerFigures{}
	}
	return figuresOf(w.Snapshot())
}

// figuresOf turns a snapshot into what travels.
func figuresOf(s worker.Snapshot) api.WorkerFigures {
	f := api.WorkerFigures{Time: s.Time, Started: s.Started, Acked: s.Summary.Acked, Failed: s.Summary.Failed, Dead: s.Summary.Dead, FailedBack: s.Summary.FailedBack, ByCause: s.ByCause}
	for _, t := range s.Tasks {
		f.Tasks = append(f.Tasks, api.TaskFigures{
			Component: t.Component, Spout: t.Kind == topology.Spout, Task: t.Task, Index: t.Index, State: t.State.String(), Why: t.Why, PID: t.PID,
			Received: t.Received, Emitted: t.Emitted, Acked: t.Acked, Failed: t.Failed, Errors: t.Errors, Restarts: t.Restarts,
			Queued: t.Queued, InChild: t.InChild, Held: t.Held, Pending: t.Pending, P50: t.P50, P99: t.P99,
		})
	}
	return f
}

// engineObserver passes on what the engine tells.
type engineObserver struct{ to process.Observer }

var levels = map[worker.Level]string{worker.LevelTrace: "DEBUG", worker.LevelDebug: "DEBUG", worker.LevelInfo: "INFO", worker.LevelWarn: "WARN", worker.LevelError: "ERROR"}

// Line implements [worker.Observer].
func (o engineObserver) Line(l worker.Line) {
	o.to.Line(process.Line{Time: l.Time, Component: l.Component, Task: l.Task, PID: l.PID, Level: levels[l.Level], Logger: l.Logger, Text: l.Text, Raw: l.Raw})
}

// Failure implements [worker.Observer].
func (o engineObserver) Failure(f worker.Failure) {
	o.to.Failure(api.Failure{Time: f.Time, Component: f.Component, Task: f.Task, Kind: f.Kind, Type: f.Type, Message: f.Message, Place: f.Place, Traceback: f.Traceback, Count: f.Count})
}

// State implements [worker.Observer].
func (o engineObserver) State(s worker.TaskState) {
	o.to.State(process.TaskState{Component: s.Component, Task: s.Task, Ready: s.State == worker.Running, Died: s.State == worker.Backoff, Why: strings.TrimSpace(s.Why)})
}
