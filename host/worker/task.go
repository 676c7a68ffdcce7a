package worker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/shells"
)

// State is where a task is in its life.
type State uint8

// The states of a task.
const (
	Waiting  State = iota // for its turn to start
	Starting              // the process runs, the component is not ready yet
	Prepared              // a spout has shaken hands, and is initialised once the run is active
	Running
	Backoff  // it died, and waits to be started again
	Stopping // it was told to stop
	Stopped
)

// String returns the state as it is shown.
func (s State) String() string {
	return [...]string{"waiting", "starting", "prepared", "running", "backoff", "stopping", "stopped"}[s]
}

// task is one process of a component, over all its deaths and restarts.
type task struct {
	// Fixed at construction.
	w          *Worker
	comp       *component
	id         topology.TaskID
	index      int
	name       string // component[index]
	inbox      *inbox
	pool       atomic.Pointer[inbox]  // of the component's tasks here; nil if it has one task in all
	edges      [][]*edge              // by output stream
	inputs     map[*stream.Source]int // index into the welcome's inputs
	ledger     *ledger                // spouts only
	stats      stats
	metrics    userMetrics
	busy       atomic.Int64         // rows in the child
	spokeOurs  atomic.Bool          // a child said to be Storm's spoke our protocol
	child      atomic.Int64         // incarnation: how many children there have been
	loaded     atomic.Bool          // the child's SDK has said the magic
	unfinished atomic.Int64         // since when (after Worker.started) a message has been incomplete; 0: none is
	dump       atomic.Pointer[dump] // where stderr goes as well, while stacks are asked for

	// Owned by the loop.
	pokes   chan struct{} // capacity 1: something changed
	stops   chan struct{} // closed when the task is to stop
	stopped chan struct{} // closed when the loop has ended
	replays *router       // spouts only

	// Owned by the goroutine that reads the child's stdout.
	router  *router
	decoder multilang.Decoder
	message multilang.FromChild
	split   multilang.Splitter
	text    []byte       // of an unfinished line before the magic
	printed *shells.Gate // takes what is no message
	classic bool         // the child was written for Storm

	// Guarded by mu.
	mu       sync.Mutex
	state    State
	why      string    // of the state
	begun    time.Time // when the child was told to initialise its component; zero: not yet
	ready    time.Time // when the child said so
	said     string    // the last error that it told of no row
	saidAt   time.Time
	worked   bool          // the child has completed a row
	working  time.Time     // since when it has had something to do
	cpu      time.Duration // of dead children
	maxRSS   int64
	process  *voice
	hello    *multilang.Hello
	level    Level // that the child was told to log from
	seq      uint32
	inflight []*frame
	held     map[ref]heldRow
	pace     stream.Pace
	times    times
	wbuf     []byte
	cols     []multilang.Column
	rowIndex []multilang.Index
	reading  bool // false while the reader waits for room downstream
	spout    spoutState
	batchAt  time.Time // when a batch that is not full is due
}

// frame is rows that were handed to the child and not all covered yet. For a
// spout it is a request.
type frame struct {
	seq     uint32
	batch   *stream.Batch // rows: roots and edges; nil for a spout
	n       int
	covered int
	done    map[int]bool // rows beyond covered that were acked or failed before their turn
	sent    time.Time
	solo    bool
	apart   time.Duration // since sent, of what is told as the time of other stages than the pipe
	user    time.Duration // in user code, told with no rows yet
}

// ref names a row of a child: frame and position.
type ref struct{ seq, row uint32 }

// heldRow is a row that user code will ack later.
type heldRow struct {
	root   acker.Root
	edge   uint64
	extras []acker.Root
	since  time.Time
	solo   bool // what it leads to travels alone
}

// stats are a task's counts since the worker began.
type stats struct {
	received, emitted, acked, failed, errors, restarts atomic.Int64
	overflowed, strays                                 atomic.Int64
}

func newTask(w *Worker, c *component, id topology.Task) (*task, error) {
	t := &task{w: w, comp: c, id: id.ID, index: id.Index, name: id.Name(),
		inbox: c.inboxes[id.Index], inputs: w.inputsOf(c), held: map[ref]heldRow{},
		pokes: make(chan struct{}, 1), stops: make(chan struct{}), stopped: make(chan struct{}), reading: true}
	var err error
	if t.edges, err = w.edgesOf(c); err != nil {
		return nil, err
	}
	t.router, t.printed = newRouter(t, t.edges), shells.NewGate(t.onStderr)
	if c.Kind == topology.Spout {
		if t.ledger, err = newLedger(w, t); err != nil {
			return nil, err
		}
		again, err := w.edgesOf(c)
		if err != nil {
			return nil, err
		}
		t.replays = newRouter(t, again)
	}
	for _, s := range c.sources {
		t.decoder.Fields = append(t.decoder.Fields, len(s.Fields))
	}
	return t, nil
}

// poke makes the loop look again.
func (t *task) poke() {
	select {
	case t.pokes <- struct{}{}:
	default:
	}
}

// incarnation numbers the children of the task from 1.
func (t *task) incarnation() int { return int(t.child.Load()) }

// pump gives the child what it is ready for: rows, or (a spout) a request.
func (t *task) pump() {
	if t.ledger != nil {
		t.ask()
		return
	}
	t.mu.Lock()
	own, pool := t.feed()
	t.mu.Unlock()
	if own {
		t.inbox.kick()
	}
	if pool != nil {
		pool.kick()
	}
}
