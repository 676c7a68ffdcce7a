package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/mesh"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/transport"
	"github.com/polybolt/polybolt/host/worker"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/shells"
)

var _ process.Engine = (*engine)(nil)

// engine is the engine of a worker process: host/worker, and the mesh that
// joins it to those of the run's other workers.
type engine struct {
	probe
	o    process.EngineOptions
	log  *slog.Logger
	dead *deadFile
	mesh *mesh.Mesh

	mu       sync.Mutex
	layout   mesh.Layout  // guarded by mu
	mode     cluster.Mode // guarded by mu: what is wanted
	reached  cluster.Mode // guarded by mu: the last that was
	draining bool         // guarded by mu
}

// modes are those of a run, as the engine calls them.
var modes = map[cluster.Mode]worker.Mode{cluster.Staged: worker.Staged, cluster.Active: worker.Active, cluster.Inactive: worker.Inactive}

// newEngine makes the engine of a worker process.
func newEngine(o process.EngineOptions, spec *slot.Spec, log *slog.Logger) (*engine, error) {
	state, err := shells.StateDir()
	if err != nil {
		return nil, err
	}
	sdk, err := shells.OpenSDK(state)
	if err != nil {
		return nil, err
	}
	self, err := strconv.ParseUint(string(o.Incarnation), 16, 64)
	if err != nil {
		return nil, fmt.Errorf("incarnation %q: %w", o.Incarnation, err)
	}
	number, ok := o.Assignment.Worker(o.Place)
	if !ok {
		return nil, fmt.Errorf("the assignment of %s has no worker at %s", o.Run, o.Place)
	}
	e := &engine{probe: probe{topology: o.Topology}, o: o, log: log, dead: &deadFile{path: o.DeadFile}, mode: cluster.Staged}
	e.worker, err = worker.New(worker.Options{
		Topology: o.Topology, Bundle: o.Bundle, Scratch: o.Scratch, SDK: sdk, Self: self,
		Observer: engineObserver{o.Observer}, Dead: e.dead, Log: log,
	})
	if err != nil {
		return nil, err
	}
	links, err := linkTLS(spec, self)
	if err != nil {
		return nil, err
	}
	addr := o.Assignment.Workers[number].Address
	e.mesh, err = mesh.New(mesh.Options{
		Run: o.Run.String(), Self: self, Place: o.Place.String(), Listen: []string{"unix:" + slot.LinkSocket(addr), spec.Listen(addr)}, TLS: links, Control: slot.Share,
		MaxMessage: 2*o.Topology.Config.MaxMessageBytes + 4*multilang.TargetFrame, Worker: e.worker, Log: log,
	})
	if err != nil {
		return nil, err
	}
	e.Assign(o.Assignment)
	return e, nil
}

// layoutOf says where the workers of an assignment are, and how they are
// reached. On this machine that is a Unix socket.
func layoutOf(a *cluster.Assignment, self cluster.Place) mesh.Layout {
	l := mesh.Layout{Epoch: a.Epoch, Tasks: a.Tasks}
	number, _ := a.Worker(self)
	here := hostOf(a.Workers[number].Address)
	for _, w := range a.Workers {
		p := mesh.Place{Name: w.Place.String(), Addrs: []string{w.Address}}
		if hostOf(w.Address) == here {
			p.Addrs = []string{"unix:" + slot.LinkSocket(w.Address), w.Address}
		}
		l.Places = append(l.Places, p)
	}
	return l
}

func hostOf(addr string) string { return addr[:max(strings.LastIndexByte(addr, ':'), 0)] }

// errReplaced: the tasks of this worker are somebody else's by now.
var errReplaced = errors.New("another worker has taken over")

// Run implements [process.Engine].
func (e *engine) Run(ctx context.Context) error {
	defer e.dead.close()
	ctx, cancel := context.WithCancelCause(ctx)
	joined := make(chan struct{})
	crash.Go(func() {
		defer close(joined)
		err := e.mesh.Run(ctx)
		if errors.Is(err, transport.ErrStale) {
			err = fmt.Errorf("%w: %w", errReplaced, err)
		}
		if err != nil {
			cancel(err)
		}
	})
	err := e.worker.Run(ctx)
	e.worker.GiveUp("its worker ended before the tuple was done") // what is kept, if it ended before its time
	cancel(nil)
	<-joined
	return err
}

// apply tells the mesh, and through it the worker, what is wanted.
func (e *engine) apply() {
	if err := e.mesh.Apply(e.layout, modes[e.mode]); err != nil {
		e.log.Error("what the coordinator says is not followed", "err", err)
	}
}

// SetMode implements [process.Engine].
func (e *engine) SetMode(m cluster.Mode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m == e.mode {
		return
	}
	e.mode, e.reached = m, ""
	e.apply()
}

// Assign implements [process.Engine].
func (e *engine) Assign(a cluster.Assignment) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := a.Worker(e.o.Place); !ok {
		return // the process is told to stop
	}
	e.layout = layoutOf(&a, e.o.Place)
	e.apply()
}

// Drain implements [process.Engine].
func (e *engine) Drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining {
		return
	}
	e.draining = true
	if e.mode != cluster.Active { // its trees have had the time that they get
		e.worker.GiveUp("the topology was switched to another version or taken down before the tuple was done")
	}
	e.worker.Drain()
}

// Progress implements [process.Engine].
func (e *engine) Progress() (mode cluster.Mode, idle bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reached == "" && e.there() {
		e.reached = e.mode
	}
	return e.reached, e.mode == cluster.Inactive && e.worker.Idle() // what is down emits nothing
}

// there tells whether all tasks have reached the mode that is wanted.
func (e *engine) there() bool {
	for _, t := range e.worker.Snapshot().Tasks {
		switch {
		case t.State == worker.Running:
		case t.State == worker.Prepared && e.mode == cluster.Staged:
		case t.State == worker.Backoff && e.mode == cluster.Inactive && t.Received > 0:
			// what is down emits nothing, and may pause
		default:
			return false
		}
	}
	return true
}

// Figures implements [process.Engine].
func (e *engine) Figures(children bool) api.WorkerFigures {
	s := e.worker.Snapshot()
	if children {
		e.worker.LookAtChildren(&s)
	}
	f := figuresOf(s)
	f.Stall = e.stall()
	return f
}

// stall says what keeps the topology from making progress, as far as this worker knows.
func (e *engine) stall() *api.Stall {
	f := stallOf(e.worker)
	place, unlinked := e.mesh.Unlinked()
	if unlinked < api.StalledAfter {
		return f
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, task := range e.o.Topology.Tasks() {
		at := -1
		if i := int(task.ID) - 1; i < len(e.layout.Tasks) {
			at = e.layout.Tasks[i]
		}
		if at >= 0 && at < len(e.layout.Places) && e.layout.Places[at].Name == place && task.Component.Kind == topology.Bolt {
			f.Task, f.Name, f.For, f.Unlinked = task.ID, task.Name(), unlinked, true
			break
		}
	}
	return f
}

// stallOf is what a worker knows of it without its links to others.
func stallOf(w *worker.Worker) *api.Stall {
	s := w.Stall()
	return &api.Stall{Quiet: s.Quiet, Task: s.Task, Name: s.Name, For: s.For, Doing: s.Doing}
}

// figuresOf turns a snapshot into what travels.
func figuresOf(s worker.Snapshot) api.WorkerFigures {
	f := api.WorkerFigures{Time: s.Time, Started: s.Started, Acked: s.Summary.Acked, Failed: s.Summary.Failed, Dead: s.Summary.Dead, FailedBack: s.Summary.FailedBack, ByCause: s.ByCause, CPU: s.CPU, MaxRSS: s.MaxRSS}
	for _, b := range s.Blamed {
		f.FailedAt = append(f.FailedAt, api.FailedAt(b))
	}
	for _, t := range s.Tasks {
		var metrics []api.Metric
		for _, m := range t.Metrics {
			metrics = append(metrics, api.Metric(m))
		}
		f.Tasks = append(f.Tasks, api.TaskFigures{
			Component: t.Component, Spout: t.Kind == topology.Spout, Task: t.Task, Index: t.Index, State: t.State.String(), Why: t.Why, PID: t.PID,
			Received: t.Received, Emitted: t.Emitted, Acked: t.Acked, Failed: t.Failed, Errors: t.Errors, Restarts: t.Restarts,
			Queued: t.Queued, InChild: t.InChild, Held: t.Held, Pending: t.Pending, Credit: t.Credit, CPU: t.CPU, RSS: t.RSS,
			P50: t.P50, P90: t.P90, P99: t.P99, Times: t.Times, Row: t.Row, Metrics: metrics,
		})
	}
	return f
}

// Failures implements [process.Engine].
func (e *engine) Failures() []cluster.Failures { return failuresOf(e.worker) }

// failuresOf turns what a worker keeps of failures into what is kept elsewhere.
func failuresOf(w *worker.Worker) []cluster.Failures {
	var list []cluster.Failures
	for _, c := range w.Failures() {
		f := cluster.Failures{Component: c.Component, Count: c.Count}
		for _, k := range c.Kinds {
			x := cluster.Failure{Kind: k.Last.Kind, Type: k.Last.Type, Place: k.Last.Place, Count: k.Count, Occurrence: occurrence(&k.Last)}
			if k.First != k.Last {
				first := occurrence(&k.First)
				x.First = &first
			}
			f.List = append(f.List, x)
		}
		list = append(list, f)
	}
	return list
}

func occurrence(f *worker.Failure) cluster.Occurrence {
	return cluster.Occurrence{Time: f.Time, Task: f.Task, Message: f.Message, Traceback: f.Traceback, From: f.From, Tuple: f.Tuple, Attempt: f.Attempt}
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
	o.to.Failure(api.Failure{Component: f.Component, Kind: f.Kind, Type: f.Type, Place: f.Place, Count: f.Count, Occurrence: api.Occurrence(occurrence(&f))})
}

// State implements [worker.Observer].
func (o engineObserver) State(s worker.TaskState) {
	o.to.State(process.TaskState{Component: s.Component, Task: s.Task, Ready: s.State == worker.Running || s.State == worker.Prepared, Died: s.State == worker.Backoff, Why: strings.TrimSpace(s.Why)})
}
