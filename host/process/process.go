package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/flock"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
)

// Options say what a worker process is made of.
type Options struct {
	Spec        *slot.Spec
	Cluster     *cluster.Cluster
	NewEngine   func(EngineOptions) (Engine, error)
	Log         *slog.Logger
	Level       *slog.LevelVar // of Log, which is changed by orders; nil: it stays as it is
	Output      Output         // where components' lines go
	StopTimeout time.Duration  // to end in order, when told to; then children are killed

	// FailuresEvery is the time between two writes of a component's errors; 0: DefaultFailuresEvery.
	FailuresEvery time.Duration
}

// Output takes what components say.
type Output interface{ Line(Line) }

// DefaultStopTimeout is what a worker gets to end in order.
const DefaultStopTimeout = 30 * time.Second

// errGone ends a process whose place is not its own any more.
var errGone = errors.New("this place is not the run's any more")

// Process is a worker process. Run it once.
type Process struct {
	// Fixed at construction.
	o           Options
	spec        *slot.Spec
	incarnation cluster.Incarnation
	started     time.Time
	tally       *tally
	failures    *failures
	past        *Past
	stops       chan struct{} // closed by Stop
	stop        sync.Once
	poke        chan struct{} // capacity 1: something changed that is to be reported

	// Owned by Run.
	engine     Engine
	run        cluster.Run
	order      int32 // version of the node that run was read from
	assignment cluster.Assignment

	mu      sync.Mutex
	prober  Prober                                // guarded by mu: nil before there is an engine, or if it lets nobody look in
	figures func(children bool) api.WorkerFigures // guarded by mu: nil before there is an engine
	errors  func() []cluster.Failures             // guarded by mu: nil before there is an engine
	version int                                   // guarded by mu: of the code
}

// New returns a process. It starts nothing.
func New(o Options) *Process {
	if o.StopTimeout == 0 {
		o.StopTimeout = DefaultStopTimeout
	}
	p := &Process{o: o, spec: o.Spec, incarnation: cluster.NewIncarnation(), started: time.Now().UTC(), stops: make(chan struct{}), poke: make(chan struct{}, 1)}
	p.tally = newTally(p.changed)
	p.past = NewPast(o.Spec.Place.String(), o.Spec.Host, o.Spec.Run.Number)
	p.failures = newFailures(o.Log, o.FailuresEvery, p.failed, failureStore{
		read: func(ctx context.Context) ([]cluster.Failures, error, error) {
			return o.Cluster.Failures(ctx, o.Spec.Run, o.Spec.Place)
		},
		write: func(ctx context.Context, f *cluster.Failures) error {
			return o.Cluster.SetFailures(ctx, o.Spec.Run, o.Spec.Place, f)
		},
	})
	return p
}

// Stop ends the process in order. It may be called at any time, by anybody.
func (p *Process) Stop() { p.stop.Do(func() { close(p.stops) }) }

// changed has the report looked at.
func (p *Process) changed() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// Run runs the worker until it was told to end, or has lost its place; then it
// returns nil. An error ends the process, and its supervisor starts another.
func (p *Process) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var wg crash.Group
	defer wg.Wait()
	defer cancel(nil)
	lock, err := flock.Take(filepath.Join(p.spec.Folder, "lock"))
	if errors.Is(err, flock.ErrHeld) { // not even a supervisor that lost sight of one may start a second one beside it
		return fmt.Errorf("another worker of this place runs: %w", err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // the process's end does the same
	socket, err := slot.Listen(p.spec.Socket, slot.Worker{
		Identity: slot.Identity{Run: p.spec.Run, Place: p.spec.Place, Incarnation: p.incarnation, Started: p.started},
		Figures:  func() api.WorkerFigures { return p.Figures(true) }, Stop: p.Stop, Log: p.o.Log,
	})
	if err != nil {
		return err
	}
	wg.Go(func() {
		if err := socket.Run(ctx); err != nil {
			cancel(err)
		}
	})
	if p.spec.Orphan > 0 {
		wg.Go(func() { p.watchOrphan(ctx, socket) })
	}
	web, err := listenFigures(p)
	if err != nil {
		return err
	}
	wg.Go(func() {
		if err := web.run(ctx); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() {
		if err := p.keepAlive(ctx, web); err != nil {
			cancel(err)
		}
	})
	keeping, kept := context.WithCancel(ctx)
	wg.Go(func() { p.keepFigures(keeping) })
	wg.Go(func() {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		watchdog(keeping, func() { p.Figures(false) }, ticker.C, abort)
	})
	told := make(chan struct{})
	wg.Go(func() {
		defer close(told)
		p.failures.run(keeping)
	})
	err = p.work(ctx)
	kept()
	<-told // before its ephemeral goes: what it leaves is read then
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// keepAlive tells the cluster that this worker lives. When its place is gone, it ends the worker.
func (p *Process) keepAlive(ctx context.Context, w *web) error {
	err := p.o.Cluster.KeepAlive(ctx, p.spec.Run, p.spec.Place, &cluster.Alive{
		Incarnation: p.incarnation, PID: os.Getpid(), Host: p.spec.Host, Figures: w.address, Token: w.token, Pin: w.pin, Started: p.started,
	})
	if errors.Is(err, cluster.ErrGone) {
		p.o.Log.Info("this place is not the run's any more")
		p.Stop()
		return nil
	}
	return err
}

// watchOrphan ends a process that no supervisor asks for.
func (p *Process) watchOrphan(ctx context.Context, socket *slot.Server) {
	limit := time.Duration(p.spec.Orphan)
	for {
		left := time.Until(socket.Asked().Add(limit))
		if left <= 0 {
			p.o.Log.Warn("no supervisor has asked for this worker, so it ends", "after", limit)
			p.Stop()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(left):
		}
	}
}

// work learns what to run, and runs it.
func (p *Process) work(ctx context.Context) error {
	switch err := p.learn(ctx); {
	case errors.Is(err, errGone):
		p.o.Log.Info("there is nothing to run here", "err", err)
		return nil
	case err != nil:
		return err
	}
	if err := p.build(); err != nil {
		p.report(ctx, &cluster.Report{Incarnation: p.incarnation, Fatal: cluster.Cut(err.Error(), 8<<10)})
		return err
	}
	running, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	ended := make(chan error, 1)
	crash.Go(func() { ended <- p.engine.Run(running) })
	following, unfollow := context.WithCancel(ctx)
	followed := make(chan error, 1)
	crash.Go(func() { followed <- p.follow(following) })
	select {
	case err := <-ended:
		unfollow()
		<-followed //nolint:errcheck // it tells that we have ended it
		if err == nil {
			err = errors.New("the tasks ended, and nobody had told them to")
		}
		p.report(ctx, &cluster.Report{Incarnation: p.incarnation, Fatal: cluster.Cut(err.Error(), 8<<10)})
		return err
	case err := <-followed:
		unfollow()
		p.engine.Drain()
		p.o.Log.Info("ending")
		deadline := time.AfterFunc(p.o.StopTimeout, func() { end(fmt.Errorf("the tasks did not end within %v", p.o.StopTimeout)) })
		defer deadline.Stop()
		stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
		defer stop()
		if rerr := <-ended; rerr != nil {
			p.o.Log.Warn("the tasks were ended", "err", rerr)
		}
		return err
	}
}

// build makes the engine.
func (p *Process) build() error {
	file := filepath.Join(p.spec.Bundle, filepath.FromSlash(p.run.File))
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var options []topology.Option
	for _, s := range p.run.Set {
		path, value, _ := strings.Cut(s, "=")
		options = append(options, topology.Set(path, value))
	}
	top, err := topology.Load(p.run.File, text, options...)
	if err != nil {
		return err
	}
	p.tally.init(top, &p.assignment, p.spec.Place)
	p.past.expect(&p.run, &p.assignment, p.spec.Place, p.started)
	p.engine, err = p.o.NewEngine(EngineOptions{
		Run: p.spec.Run, Incarnation: p.incarnation, Topology: top, Assignment: p.assignment, Place: p.spec.Place, Bundle: p.spec.Bundle,
		Scratch: filepath.Join(p.spec.Folder, "scratch"), DeadFile: filepath.Join(p.spec.Logs, slot.DeadFile), Observer: observer{p},
	})
	if err != nil {
		return err
	}
	p.applyLevels(time.Now()) // and again when it follows
	p.engine.SetMode(p.run.Mode)
	p.mu.Lock()
	p.figures, p.errors, p.version = p.engine.Figures, p.engine.Failures, p.run.Version
	p.prober, _ = p.engine.(Prober)
	p.mu.Unlock()
	return nil
}

// Figures returns the figures as they stand; children: see [Engine].
func (p *Process) Figures(children bool) api.WorkerFigures {
	p.mu.Lock()
	f := p.figures
	p.mu.Unlock()
	w := api.WorkerFigures{Time: time.Now(), Started: p.started}
	if f != nil {
		w = f(children)
	}
	w.Place = p.spec.Place.String()
	return w
}

// failed returns the errors of this process's components.
func (p *Process) failed() []cluster.Failures {
	p.mu.Lock()
	errs, version := p.errors, p.version
	p.mu.Unlock()
	if errs == nil {
		return nil
	}
	list := errs()
	for i := range list {
		for j := range list[i].List {
			f := &list[i].List[j]
			f.Version, f.Host, f.Worker = version, p.spec.Host, p.spec.Place.String()
			if f.First != nil {
				f.First.Host, f.First.Worker = f.Host, f.Worker
			}
		}
	}
	return list
}

// observer hears of what happens in the engine.
type observer struct{ p *Process }

func (o observer) Line(l Line) { o.p.o.Output.Line(l) }

func (o observer) State(s TaskState) { o.p.tally.state(s) }

func (o observer) Failure(f api.Failure) {
	o.p.failures.happened()
	traceback := ""
	if f.Count <= 1 { // the first one tells it
		traceback = f.Traceback
	}
	o.p.o.Log.Error("component failed", "component", f.Component, "task", f.Task, "kind", f.Kind, "err", f.Message, "count", f.Count, "traceback", traceback)
}
