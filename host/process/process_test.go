package process

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest"
	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
)

const patience60 = 60 * time.Second

// engine is an engine without tasks, which says what it was told.
type engine struct {
	told    chan string // buffered
	drained chan struct{}
	fail    chan error

	mu   sync.Mutex
	mode cluster.Mode // guarded by mu

	levels string // guarded by mu: of two components
}

func newEngine() *engine {
	return &engine{told: make(chan string, 100), drained: make(chan struct{}), fail: make(chan error, 1)}
}

func (e *engine) Run(ctx context.Context) error {
	select {
	case <-e.drained:
		return nil
	case err := <-e.fail:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *engine) SetMode(m cluster.Mode) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mode != m {
		e.told <- "mode " + string(m)
	}
	e.mode = m
}

func (e *engine) Assign(cluster.Assignment) { e.told <- "assign" }

func (e *engine) Drain() {
	e.told <- "drain"
	close(e.drained)
}

func (e *engine) Progress() (cluster.Mode, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mode, true
}

func (e *engine) Tap(api.TapQuery) (Tap, error) { return nil, errors.New("nothing flows here") }

func (e *engine) Stacks(context.Context, topology.TaskID) (*api.Stacks, error) {
	return nil, errors.New("there is no such task")
}

func (e *engine) SetLevels(of func(topology.ComponentID) string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.levels = of("lines") + "," + of("split")
}

func (e *engine) Figures(bool) api.WorkerFigures { return api.WorkerFigures{} }

func (e *engine) Failures() []cluster.Failures { return nil }

// fixture is a run with one worker, as nimbus has made it.
type fixture struct {
	t       *testing.T
	open    func() coordinator.Store
	c       *cluster.Cluster
	term    *cluster.Term
	run     cluster.Run
	assign  cluster.Assignment
	spec    *slot.Spec
	engines chan *engine
	level   slog.LevelVar
}

func setUp(t *testing.T) *fixture {
	t.Helper()
	dir, err := os.MkdirTemp("", "pb-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	embedded := coordinatortest.Embedded(t)
	f := &fixture{t: t, engines: make(chan *engine, 10), open: func() coordinator.Store { return embedded.Open(t) }}
	f.c = cluster.New(f.open(), slog.New(slog.DiscardHandler))
	f.lead()
	place := cluster.Place{Supervisor: "0123456789ab", Slot: 1}
	id := cluster.RunID{Topology: "words", Number: 1}
	bundle := cluster.Bundle{Hash: blob.HashOf(nil), Size: 1}
	f.run = cluster.Run{ID: id, Version: 1, Bundle: bundle, File: "topology.yaml", Mode: cluster.Staged}
	f.assign = cluster.Assignment{Epoch: 1, Workers: []cluster.Worker{{Place: place, Address: "127.0.0.1:1"}}, Tasks: []int{0}}
	f.apply(func(b *cluster.Batch) {
		b.CreateTopology(&cluster.Topology{Name: "words"})
		b.CreateRun(&f.run, &f.assign)
		b.CreateWorker(id, place)
	})
	f.spec = &slot.Spec{Run: id, Place: place, Host: "here", Address: "127.0.0.1", Bundle: filepath.Join(dir, "code"), Folder: filepath.Join(dir, "place"), Logs: filepath.Join(dir, "logs"), Socket: slot.SocketIn(dir, "x", "1.0")}
	for _, d := range []string{f.spec.Bundle, f.spec.Folder, f.spec.Logs} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(f.spec.Bundle, "topology.yaml"), []byte("name: words\nspouts:\n  lines:\n    command: [python3, lines.py]\n    output: [line]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// lead makes the test a nimbus that leads.
func (f *fixture) lead() {
	f.t.Helper()
	if err := f.c.Prepare(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	terms, ended := make(chan *cluster.Term), make(chan error, 1)
	go func() {
		ended <- f.c.Elect(ctx, &cluster.Nimbus{Incarnation: cluster.NewIncarnation()}, func(ctx context.Context, t *cluster.Term) error {
			terms <- t
			<-ctx.Done()
			return nil
		})
	}()
	f.t.Cleanup(func() {
		cancel()
		<-ended
	})
	f.term = <-terms
}

func (f *fixture) apply(fill func(*cluster.Batch)) {
	f.t.Helper()
	var b cluster.Batch
	fill(&b)
	if err := f.term.Apply(f.t.Context(), &b); err != nil {
		f.t.Fatal(err)
	}
}

// start runs a worker's process, on a session of its own.
func (f *fixture) start(c *cluster.Cluster) (p *Process, ended <-chan error) {
	log := slog.New(slog.DiscardHandler)
	p = New(Options{Spec: f.spec, Cluster: c, Log: log, Level: &f.level, Output: LogOutput{log}, NewEngine: func(EngineOptions) (Engine, error) {
		e := newEngine()
		f.engines <- e
		return e, nil
	}})
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		result <- p.Run(ctx)
	}()
	f.t.Cleanup(func() {
		cancel()
		<-over
	})
	return p, result
}

func await[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience60):
		t.Fatal("it does not come")
		panic("unreachable")
	}
}

func (f *fixture) hears(e *engine, want string) {
	f.t.Helper()
	if got := await(f.t, e.told); got != want {
		f.t.Fatalf("the engine was told %q, and not %q", got, want)
	}
}

// state waits until what is known of the worker satisfies a condition.
func (f *fixture) state(what string, ok func(cluster.WorkerState) bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience60)
	defer cancel()
	changes := f.c.WatchWorker(ctx, f.run.ID, f.spec.Place)
	for {
		s, err := f.c.WorkerState(ctx, f.run.ID, f.spec.Place)
		if err != nil {
			f.t.Fatal(err)
		}
		if ok(s) {
			return
		}
		select {
		case <-changes:
		case <-ctx.Done():
			f.t.Fatalf("not so: %s: %+v %+v", what, s.Report, s.Alive)
		}
	}
}

// A worker says that it lives, does what its run is to do, says how far it is, and ends in order when its place is gone.
func TestLifeOfAWorker(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	_, ended := f.start(cluster.New(f.open(), slog.New(slog.DiscardHandler)))
	e := await(t, f.engines)
	f.hears(e, "mode staged")
	f.state("staged", func(s cluster.WorkerState) bool {
		return len(s.Alive) == 1 && s.Report != nil && s.Report.Mode == cluster.Staged && s.Report.Incarnation == s.Alive[0].Incarnation
	})
	f.run.Mode = cluster.Active
	f.apply(func(b *cluster.Batch) { b.SetRun(&f.run, 0) })
	f.hears(e, "mode active")
	f.state("active", func(s cluster.WorkerState) bool { return s.Report.Mode == cluster.Active })
	f.assign.Epoch = 2
	f.apply(func(b *cluster.Batch) { b.SetAssignment(f.run.ID, &f.assign, 0) })
	f.hears(e, "assign")
	f.state("epoch 2", func(s cluster.WorkerState) bool { return s.Report.Epoch == 2 })
	f.assign.Epoch, f.assign.Workers[0].Place.Slot = 3, 2
	f.apply(func(b *cluster.Batch) { b.SetAssignment(f.run.ID, &f.assign, 1) })
	f.hears(e, "drain")
	if err := await(t, ended); err != nil {
		t.Errorf("it ended with %v", err)
	}
	f.state("gone", func(s cluster.WorkerState) bool { return len(s.Alive) == 0 })
}

// Why the tasks cannot go on is told to nimbus, and ends the process.
func TestWorkerThatFails(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	_, ended := f.start(cluster.New(f.open(), slog.New(slog.DiscardHandler)))
	await(t, f.engines).fail <- errors.New("it came apart")
	if err := await(t, ended); err == nil || !strings.Contains(err.Error(), "came apart") {
		t.Errorf("it ended with %v", err)
	}
	f.state("fatal", func(s cluster.WorkerState) bool {
		return s.Report != nil && strings.Contains(s.Report.Fatal, "came apart")
	})
}

// A supervisor's order ends it; a second one for the same place does not begin.
func TestWorkerIsAskedToEnd(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	_, ended := f.start(cluster.New(f.open(), slog.New(slog.DiscardHandler)))
	e := await(t, f.engines)
	f.hears(e, "mode staged")
	_, second := f.start(cluster.New(f.open(), slog.New(slog.DiscardHandler)))
	if err := await(t, second); err == nil || !strings.Contains(err.Error(), "another worker") {
		t.Errorf("the second one ended with %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience60)
	defer cancel()
	peer, err := slot.Connect(ctx, f.spec.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if err := peer.Stop(ctx); err != nil {
		t.Error(err)
	}
	f.hears(e, "drain")
	if err := await(t, ended); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// Without a coordinator a worker begins with what its predecessor knew, and
// follows when there is one again.
func TestWorkerWithoutCoordinator(t *testing.T) {
	t.Parallel()
	f := setUp(t)
	first, ended := f.start(cluster.New(f.open(), slog.New(slog.DiscardHandler)))
	f.hears(await(t, f.engines), "mode staged")
	first.Stop()
	if err := await(t, ended); err != nil {
		t.Fatal(err)
	}
	broken := coordinatortest.NewFaulty(t, func(testing.TB) coordinator.Store { return f.open() })
	broken.Disconnect(true)
	_, ended = f.start(cluster.New(broken, slog.New(slog.DiscardHandler)))
	e := await(t, f.engines)
	f.hears(e, "mode staged")
	f.run.Mode = cluster.Active
	f.apply(func(b *cluster.Batch) { b.SetRun(&f.run, 0) })
	broken.Disconnect(false)
	f.hears(e, "mode active")
	f.state("active", func(s cluster.WorkerState) bool {
		return len(s.Alive) == 1 && s.Report != nil && s.Report.Mode == cluster.Active
	})
	select {
	case err := <-ended:
		t.Errorf("it ended: %v", err)
	default:
	}
}
