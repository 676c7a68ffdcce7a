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
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/shells"
)

// Options say what a worker runs and whom it tells.
type Options struct {
	Topology *topology.Topology
	Bundle   string      // the topology's folder; the children's working directory
	Scratch  string      // folder under which each task gets one of its own
	SDK      *shells.SDK // nil: components bring their own
	Self     uint64      // names this incarnation of the worker to others; 0: a random one
	Finite   bool        // end when every spout has finished and every tree is done
	Observer Observer
	Dead     DeadLetters
	Log      *slog.Logger

	StopTimeout time.Duration // for a component to end itself, on_stop included; then it is killed

	// DrainTimeout is how long Drain waits while nothing of what is in flight gets
	// done. Then that is given up: see [Worker.GivenUp]. 0: for ever.
	DrainTimeout time.Duration
}

// DefaultStopTimeout is what a component gets to end itself.
const DefaultStopTimeout = 10 * time.Second

// Worker is a running part of a topology. Its methods may be called concurrently.
type Worker struct {
	// Fixed once New has returned.
	opts       Options
	log        *slog.Logger
	self       uint64 // this incarnation
	components []*component
	byID       map[topology.ComponentID]*component
	inboxOf    []*inbox // by task id, from 1
	loops      map[topology.Edge]bool

	started  time.Time // when New was called: Snapshot may be, before Run
	owners   owners
	failures failures
	peers    atomic.Pointer[map[uint64]*peer] // by worker
	blamed   blames
	dead     sync.Map // workers that are gone
	outlived sync.Map // ledgers whose spout task ran here, and that still have trees, by task

	// load is the number of rows in inboxes and children: nothing moves when it is 0.
	load atomic.Int64
	// attentive counts the reasons to look at the worker whenever it falls
	// idle: it drains, a spout has finished, a spout is out of max_pending.
	attentive atomic.Int64
	quiet     chan struct{} // capacity 1: there is something to look at

	draining chan struct{} // closed by Drain
	hurry    chan struct{} // closed when what was in flight has been given up
	ending   atomic.Bool   // components are being stopped
	givenUp  atomic.Pointer[GivenUp]
	drain    sync.Once
	failed   chan error // capacity 1: why the run cannot go on
	company  company
	wg       crash.Group

	tapping sync.Mutex   // taken alone
	taps    atomic.Int64 // how many are open; changed under tapping

	// Guarded by mu, which is held while a plan is followed.
	mu      sync.Mutex
	tasks   []*task         // that run here
	retired []*ledger       // of spout tasks that ran here
	running context.Context // of the tasks' loops; nil before Run
	planned bool            // a plan has been applied
	mode    Mode            // of the plan
}

// New checks the options and lays the topology out. It starts nothing. Unless
// a plan is applied before Run, all tasks run here.
func New(opts Options) (*Worker, error) {
	if opts.StopTimeout == 0 {
		opts.StopTimeout = DefaultStopTimeout
	}
	w := &Worker{opts: opts, log: opts.Log, started: time.Now(), self: opts.Self, quiet: make(chan struct{}, 1), draining: make(chan struct{}), hurry: make(chan struct{}), failed: make(chan error, 1)}
	if w.self == 0 {
		w.self = seed()
	}
	w.failures.init()
	w.owners.init()
	w.peers.Store(&map[uint64]*peer{})
	return w, w.layOut()
}

// Summary is what became of the tuples.
type Summary struct {
	Acked      int64 `json:"acked"`       // trees that finished
	Failed     int64 `json:"failed"`      // failed attempts
	Dead       int64 `json:"dead"`        // tuples given up
	FailedBack int64 `json:"failed_back"` // tuples that failed and were given back to their spout, without those that it says it has replayed
	Abandoned  int64 `json:"abandoned"`   // trees in flight
}

// Summary returns the counts so far.
func (w *Worker) Summary() Summary {
	w.mu.Lock()
	retired := w.retired
	w.mu.Unlock()
	var s Summary
	for _, l := range slices.Concat(retired, w.localLedgers()) {
		l.addTo(&s)
	}
	return s
}

// Drain stops the spouts and lets Run return once every tree is done, or given
// up (see DrainTimeout), and every component has stopped.
func (w *Worker) Drain() { w.drain.Do(func() { close(w.draining) }) }

// Run starts the tasks and returns when they have ended: because the spouts
// finished (with Finite), after Drain, because a component cannot start (the
// error says which), or because ctx ended; then the children are killed and
// what they held is lost.
func (w *Worker) Run(ctx context.Context) error {
	defer ballast()()
	ctx, cancel := context.WithCancelCause(ctx)
	if err := w.begin(ctx); err != nil {
		cancel(err)
		return err
	}
	w.wg.Go(func() { w.watchTrees(ctx) })
	w.wg.Go(func() { w.watchDrain(ctx) })
	err := w.await(ctx)
	if err == nil {
		err = w.stopInOrder(ctx)
	}
	w.mu.Lock() // no plan is being followed, and none will be
	cancel(errStopped)
	w.mu.Unlock()
	for _, c := range w.components {
		w.closeInboxes(c, true)
	}
	w.wg.Wait()
	return err
}

// begin starts the loops of the tasks.
func (w *Worker) begin(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.planned {
		if err := w.follow(w.Everything(Active)); err != nil {
			return err
		}
	}
	w.running = ctx
	for _, t := range w.tasks {
		w.wg.Go(func() { t.run(ctx) })
	}
	return nil
}

// errStopped is the cause with which the tasks' loops are ended.
var errStopped = errors.New("the worker stops")

// await returns nil when the tasks are to be stopped in order.
func (w *Worker) await(ctx context.Context) error {
	draining, closing := w.draining, false
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-w.failed:
			return err
		case <-w.hurry:
			return nil
		case <-draining:
			draining = nil
			w.attentive.Add(1)
			for _, l := range w.localLedgers() {
				l.t.rest() // an idle spout keeps its answer open until it is told
			}
		case <-w.quiet:
		}
		if !closing && w.closing() {
			closing = true
			w.sendBatches()
		}
		if (w.opts.Finite && w.finished() || draining == nil) && w.idle() {
			return nil
		}
		if w.load.Load() == 0 {
			for _, l := range w.localLedgers() {
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
	for _, t := range w.allTasks() {
		if t.ledger != nil && !t.isFinished() {
			return false
		}
	}
	return true
}

// idle tells whether nothing is in flight.
func (w *Worker) idle() bool {
	for _, l := range w.localLedgers() {
		if l.pending() > 0 || l.hasNews() {
			return false
		}
	}
	for _, t := range w.allTasks() {
		if t.ledger != nil && t.isAnswering() {
			return false
		}
	}
	return w.load.Load() == 0 && !w.outliving()
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

// seed returns a random number for edge ids.
func seed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.LittleEndian.Uint64(b[:])
}

// newEdges makes a task's source of edge ids.
func newEdges() *acker.Edges { return acker.NewEdges(seed()) }
