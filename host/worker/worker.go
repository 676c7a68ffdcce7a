// Package worker runs tasks of one topology: it starts their children, moves
// rows between them, tracks every tuple tree until it is done, replays what
// failed, and ends it all in order. `polybolt run` is one worker with all
// tasks; in a cluster each worker process is one, with some.
//
// Rows move on the goroutines that read the children's stdout. Such a reader
// takes a reply apart, tells the ledgers what was acked, puts the emitted rows
// into the inboxes of the tasks they go to, and writes the next frame to any
// child that is ready for one: no other goroutine is woken on the way of a
// tuple. Each task has one more goroutine, its loop, for everything that is
// not data: starting and restarting, ticks, replays, timeouts.
//
// Locks are taken in this order: task.mu, then inbox.mu; ledger.mu is taken
// alone. A reader may wait for room in an inbox; it holds no lock then, and
// never waits on an edge that lies in a cycle.
package worker

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/shells"
)

// Options say what a worker runs and whom it tells.
type Options struct {
	Topology *topology.Topology
	Bundle   string      // the topology's folder; the children's working directory
	Scratch  string      // folder under which each task gets one of its own
	SDK      *shells.SDK // nil: components bring their own
	Finite   bool        // end when every spout has finished and every tree is done
	Observer Observer
	Dead     DeadLetters
	Log      *slog.Logger

	StopTimeout time.Duration // for a component to end itself, on_stop included; then it is killed
}

// DefaultStopTimeout is what a component gets to end itself.
const DefaultStopTimeout = 10 * time.Second

// Worker is a running part of a topology. Its methods may be called concurrently.
type Worker struct {
	opts       Options
	log        *slog.Logger
	started    time.Time
	components []*component
	tasks      []*task
	ledgers    []*ledger // by owner number, which is the index
	failures   failures
	noSpout    bool // nothing to finish

	// load is the number of rows in inboxes and children: nothing moves when it is 0.
	load atomic.Int64
	// attentive counts the reasons to look at the worker whenever it falls
	// idle: it drains, a spout has finished, a spout is out of max_pending.
	attentive atomic.Int64
	quiet     chan struct{} // capacity 1: there is something to look at

	draining chan struct{} // closed by Drain
	drain    sync.Once
	failed   chan error // capacity 1: why the run cannot go on
	wg       sync.WaitGroup
}

// New checks the options and lays out the tasks. It starts nothing.
func New(opts Options) (*Worker, error) {
	if opts.StopTimeout == 0 {
		opts.StopTimeout = DefaultStopTimeout
	}
	w := &Worker{opts: opts, log: opts.Log, quiet: make(chan struct{}, 1), draining: make(chan struct{}), failed: make(chan error, 1)}
	w.failures.init()
	byID := map[topology.ComponentID]*component{}
	for _, c := range opts.Topology.Components {
		comp := newComponent(c)
		byID[c.ID] = comp
		w.components = append(w.components, comp)
	}
	for _, t := range opts.Topology.Tasks() {
		w.addTask(byID[t.Component.ID], t)
	}
	return w, w.connect(byID)
}

// Summary is what became of the tuples.
type Summary struct {
	Acked      int64 `json:"acked"`       // trees that finished
	Failed     int64 `json:"failed"`      // failed attempts
	Dead       int64 `json:"dead"`        // tuples given up
	FailedBack int64 `json:"failed_back"` // tuples that failed and were given back to their spout
	Abandoned  int64 `json:"abandoned"`   // trees in flight
}

// Summary returns the counts so far.
func (w *Worker) Summary() Summary {
	var s Summary
	for _, l := range w.ledgers {
		l.addTo(&s)
	}
	return s
}

// Drain stops the spouts and lets Run return once every tree is done and every
// component has stopped.
func (w *Worker) Drain() { w.drain.Do(func() { close(w.draining) }) }

// Run starts the tasks and returns when they have ended: because the spouts
// finished (with Finite), after Drain, because a component cannot start (the
// error says which), or because ctx ended; then the children are killed and
// what they held is lost.
func (w *Worker) Run(ctx context.Context) error {
	w.started = time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	for _, t := range w.tasks {
		w.wg.Go(func() { t.run(ctx) })
	}
	w.wg.Go(func() { w.watchTrees(ctx) })
	err := w.await(ctx)
	if err == nil {
		err = w.stopInOrder(ctx)
	}
	cancel(errStopped)
	w.wg.Wait()
	return err
}

// errStopped is the cause with which the tasks' loops are ended.
var errStopped = errors.New("the worker stops")

// await returns nil when the tasks are to be stopped in order.
func (w *Worker) await(ctx context.Context) error {
	draining := w.draining
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-w.failed:
			return err
		case <-draining:
			draining = nil
			w.attentive.Add(1)
		case <-w.quiet:
		}
		if (w.opts.Finite && w.finished() || draining == nil) && w.idle() {
			return nil
		}
		if w.load.Load() == 0 {
			for _, l := range w.ledgers {
				l.t.pump() // its limit may grow
			}
		}
	}
}

// fail ends the run with an error; the first one stands.
func (w *Worker) fail(err error) {
	select {
	case w.failed <- err:
	default:
	}
}

// isDraining tells whether spouts are to emit nothing more.
func (w *Worker) isDraining() bool {
	select {
	case <-w.draining:
		return true
	default:
		return false
	}
}

// finished tells whether every spout task has said that it will emit no more.
func (w *Worker) finished() bool {
	for _, t := range w.tasks {
		if t.ledger != nil && !t.isFinished() {
			return false
		}
	}
	return true
}

// idle tells whether nothing is in flight.
func (w *Worker) idle() bool {
	for _, l := range w.ledgers {
		if l.pending() > 0 {
			return false
		}
	}
	for _, t := range w.tasks {
		if t.ledger != nil && t.isAnswering() {
			return false
		}
	}
	return w.load.Load() == 0
}

// addLoad counts rows that entered (or, negative, left) inboxes and children.
func (w *Worker) addLoad(n int) {
	if n != 0 && w.load.Add(int64(n)) == 0 {
		w.stir()
	}
}

// stir makes await look again, if there is a reason to.
func (w *Worker) stir() {
	if w.attentive.Load() == 0 {
		return
	}
	select {
	case w.quiet <- struct{}{}:
	default:
	}
}

// component is a spout or bolt with its tasks in this worker.
type component struct {
	*topology.Component
	tasks   []*task
	pool    *inbox // rows that any task may take; nil if there is only one task
	sources []*stream.Source
}

func newComponent(c *topology.Component) *component {
	comp := &component{Component: c}
	for _, s := range c.Outputs {
		comp.sources = append(comp.sources, &stream.Source{Component: c.ID, Stream: s.ID, Fields: s.Fields})
	}
	return comp
}

func (w *Worker) addTask(c *component, id topology.Task) {
	t := newTask(w, c, id)
	if c.Kind == topology.Spout {
		t.ledger = newLedger(w, t, uint16(len(w.ledgers)))
		w.ledgers = append(w.ledgers, t.ledger)
	}
	c.tasks = append(c.tasks, t)
	w.tasks = append(w.tasks, t)
}

// connect makes the edges: for every task, where the rows of its streams go.
func (w *Worker) connect(byID map[topology.ComponentID]*component) error {
	for _, c := range w.components {
		if len(c.tasks) > 1 && c.Kind == topology.Bolt {
			c.pool = newInbox(w, c.tasks...)
			for _, t := range c.tasks {
				t.pool = c.pool
			}
		}
	}
	loops := map[topology.Edge]bool{}
	for _, e := range topology.Cycles(w.opts.Topology) {
		loops[e] = true
	}
	for _, c := range w.components {
		for i, in := range c.Inputs {
			if err := w.subscribe(byID[in.From], c, in, i, loops[topology.Edge{From: in.From, Stream: in.Stream, To: c.ID}]); err != nil {
				return fmt.Errorf("component %s: %w", c.ID, err)
			}
		}
	}
	return nil
}

// subscribe adds the edges of one input of a consumer to all tasks of its sender.
func (w *Worker) subscribe(from, to *component, in topology.Input, index int, loop bool) error {
	var source *stream.Source
	number := 0
	for i, s := range from.sources {
		if s.Stream == in.Stream {
			source, number = s, i
		}
	}
	if source == nil {
		return fmt.Errorf("%s has no stream %s", in.From, in.Stream)
	}
	var ids []topology.TaskID
	for _, t := range to.tasks {
		ids = append(ids, t.id)
		t.inputs[source] = index
	}
	for _, sender := range from.tasks {
		g, err := stream.NewGrouping(in, source.Fields, ids)
		if err != nil {
			return err
		}
		e := &edge{group: g, to: to, loop: loop}
		for _, t := range to.tasks {
			e.targets = append(e.targets, t.inbox)
		}
		sender.edges[number] = append(sender.edges[number], e)
		if !loop {
			e.register(sender)
		}
	}
	return nil
}

// edge is a subscription, as one sending task sees it.
type edge struct {
	group   *stream.Grouping
	to      *component
	targets []*inbox // by the consumer's tasks
	loop    bool     // it lies in a cycle, and must never be waited for
}

// register makes the sender one that the consumer's inboxes hold back when they are full.
func (e *edge) register(sender *task) {
	inboxes := e.targets
	if e.to.pool != nil {
		inboxes = append([]*inbox{e.to.pool}, inboxes...)
	}
	for _, in := range inboxes {
		in.senders = append(in.senders, sender)
		sender.downstream = append(sender.downstream, in)
	}
}

// any returns the inbox for rows that any task may take.
func (e *edge) any() *inbox {
	if e.to.pool != nil {
		return e.to.pool
	}
	return e.targets[0]
}

// seed returns a random number for edge ids.
func seed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.LittleEndian.Uint64(b[:])
}

// newEdges makes a task's source of edge ids.
func newEdges() *acker.Edges { return acker.NewEdges(seed()) }
