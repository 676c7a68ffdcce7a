package worker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// An inbox is full, and its senders are fed no more, when it holds the rows of
// fullFrames frames or fullBytes; of a component that asked for batches, when it
// holds two for each task that takes from it and for each source: half of that
// may be batches that are not full yet, and do not leave. What senders had been
// given before still comes: a reader waits only at stuffed times as much.
const (
	fullFrames = 4
	fullBytes  = 4 * multilang.TargetFrame
	stuffed    = 8
	minFull    = 8 // rows, for a component so slow that its frames hold one
)

// inbox is where rows wait for a task, or (a pool) for any task of a component
// in one worker. If the task runs in another worker, a link empties the inbox.
type inbox struct {
	w    *Worker
	comp *component
	task topology.TaskID // 0: a pool

	home  atomic.Pointer[home] // who takes from it
	frame atomic.Int64         // rows that are taken at once
	full  atomic.Bool          // set under mu

	mu      sync.Mutex
	queue   stream.Queue
	origins origins
	room    sync.Cond // of mu: there is less in it, or it is closed
	waiters int       // readers that wait for room
	shut    bool      // the worker stops: nobody waits any more
	ended   bool      // nobody takes any more: what still comes is dropped
	heir    *inbox    // gets what is put, once a plan has done away with this one
}

// home is who takes from an inbox: tasks of this worker, or a peer, or nobody yet.
type home struct {
	tasks []*task
	peer  *peer
}

// worker returns the worker that the rows of the inbox are counted for: the
// peer's, or ours.
func (h *home) worker(self uint64) uint64 {
	if h.peer != nil {
		return h.peer.worker
	}
	return self
}

func newInbox(w *Worker, c *component) *inbox {
	in := &inbox{w: w, comp: c}
	in.room.L = &in.mu
	in.frame.Store(1)
	in.home.Store(&home{})
	if most := c.most(); most > 0 {
		in.queue.Gather(most, min(fullBytes/2/c.sourceCount(), c.mostBytes))
	}
	return in
}

// put adds a batch, which was counted for a worker when its edges were drawn,
// and returns the inbox that got it: another one, if a plan did away with this
// one in between. It does not wake anybody: call wake when all is put.
func (in *inbox) put(b *stream.Batch, counted uint64, from *arrival) *inbox {
	var moved []acker.Update
	in.mu.Lock()
	if heir := in.heir; heir != nil {
		in.mu.Unlock()
		return heir.put(b, counted, from)
	}
	if in.ended {
		if from != nil {
			from.taken(in, b.N, b.Size()) // who sends must not wait for room
		}
		in.mu.Unlock()
		return in
	}
	in.w.addLoad(b.N)
	to := in.home.Load().worker(in.w.self)
	if to != counted { // the inbox has got another home meanwhile
		moved = b.Updates(nil)
	}
	in.queue.Push(b, int(in.frame.Load()), multilang.TargetFrame)
	in.origins.push(from, b.N)
	if in.over(1) { // only less says that there is room again: its callers tell the senders
		in.full.Store(true)
	}
	in.mu.Unlock()
	in.w.move(moved, counted, to)
	return in
}

// over tells whether the inbox holds times as much as makes it full. mu is held.
func (in *inbox) over(times int) bool {
	return in.queue.Rows() >= times*in.limit() || in.queue.Bytes() >= times*fullBytes
}

// limit is the number of rows that make the inbox full.
func (in *inbox) limit() int {
	n := in.comp.enough(int(in.frame.Load()))
	if most := in.comp.most(); most > 0 {
		n = max(n, 2*most*len(in.home.Load().tasks))
	}
	return n
}

// most is how many rows a batch of the component may hold; 0: it has not asked for batches.
func (c *component) most() int {
	if c.Component == nil {
		return 0
	}
	return c.Batch.Max
}

// enough is how many rows of a component are to wait, if its next frame holds so many.
func (c *component) enough(frame int) int {
	return max(minFull, fullFrames*frame, 2*c.most()*c.sourceCount())
}

// sourceCount is how many streams the component reads, at least one.
func (c *component) sourceCount() int {
	if c.Component == nil {
		return 1
	}
	return max(1, len(c.Inputs))
}

// take removes rows for a frame; alone: one that travels alone may be taken,
// too. drained tells that the inbox is no longer full: call kick once no lock is held.
func (in *inbox) take(rows, size int, alone bool) (b *stream.Batch, drained bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if first := in.queue.Peek(); first == nil || first.Solo && !alone {
		return nil, false
	}
	b = in.queue.Pop(rows, size)
	in.origins.pop(b.N, b.Size(), in)
	return b, in.less()
}

// takeBatch is take for a component that asked for batches. Without one that is
// ripe it tells when there will be. alone: a row that travels alone may be taken, too.
func (in *inbox) takeBatch(now time.Time, wait time.Duration, alone bool) (b *stream.Batch, due time.Time, drained bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	b, due = in.queue.Ripe(now, wait)
	if b == nil || b.Solo && !alone {
		return nil, due, false
	}
	b = in.queue.Take(b)
	in.origins.pop(b.N, b.Size(), in)
	return b, due, in.less()
}

// less follows the removal of rows: it lets waiting readers go on. drained
// tells that the inbox is no longer full: call kick once no lock is held. mu is held.
func (in *inbox) less() (drained bool) {
	if in.waiters > 0 {
		in.room.Broadcast()
	}
	// Half of what makes it full: senders are not to be stopped and started with every frame.
	if !in.full.Load() || in.queue.Rows() > in.limit()/2 || in.queue.Bytes() > fullBytes/2 {
		return false
	}
	in.full.Store(false)
	return true
}

// peek returns the first batch and the number of rows that wait.
func (in *inbox) peek() (*stream.Batch, int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.queue.Peek(), in.queue.Rows()
}

// wake gives rows to whoever takes them and is ready.
func (in *inbox) wake() {
	h := in.home.Load()
	switch {
	case h.peer != nil:
		h.peer.pump(in)
	case len(h.tasks) == 1:
		h.tasks[0].pump()
	default:
		for _, t := range leastBusyFirst(h.tasks) {
			if _, rows := in.peek(); rows == 0 {
				return
			}
			t.pump()
		}
	}
}

// leastBusyFirst orders tasks by the rows that their children have.
func leastBusyFirst(tasks []*task) []*task {
	order := make([]*task, 0, len(tasks))
	for _, t := range tasks {
		i := len(order)
		for i > 0 && order[i-1].busy.Load() > t.busy.Load() {
			i--
		}
		order = append(order, nil)
		copy(order[i+1:], order[i:])
		order[i] = t
	}
	return order
}

// kick feeds the senders of this worker again, and tells those of others.
func (in *inbox) kick() {
	for _, c := range in.comp.senders {
		for _, t := range in.w.tasksOf(c) {
			t.pump()
		}
	}
}

// await blocks a reader until the inbox is no longer stuffed.
func (in *inbox) await() {
	in.mu.Lock()
	in.waiters++
	for in.over(stuffed) && !in.shut {
		in.room.Wait()
	}
	in.waiters--
	in.mu.Unlock()
}

// stuffedNow tells whether nothing more may be put in.
func (in *inbox) stuffedNow() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.over(stuffed)
}

// onlyTree returns the tree that every row that waits belongs to; 0 if there is none.
func (in *inbox) onlyTree() (only acker.Root) {
	in.mu.Lock()
	defer in.mu.Unlock()
	several := false
	in.queue.Each(func(b *stream.Batch) {
		if only == 0 && len(b.Roots) == b.N {
			only = b.Roots[b.N-1]
		}
		several = several || !b.IsOf(only)
	})
	if several {
		return 0
	}
	return only
}

// close lets waiting readers go and forgets the rows; over: those that come
// later, too, as from components of a cycle that end in other workers.
func (in *inbox) close(over bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.shut, in.ended = true, in.ended || over
	in.w.addLoad(-in.queue.Rows())
	in.origins.pop(in.queue.Rows(), in.queue.Bytes(), in)
	in.queue.Clear()
	in.full.Store(false) // what its senders have got since is to be handed to them
	in.room.Broadcast()
}
