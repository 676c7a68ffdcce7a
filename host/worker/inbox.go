package worker

import (
	"sync"
	"sync/atomic"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/multilang"
)

// An inbox is full, and its senders are fed no more, when it holds the rows of
// fullFrames frames or fullBytes. What senders had been given before still
// comes: a reader waits only at stuffed times as much.
const (
	fullFrames = 4
	fullBytes  = 4 * multilang.TargetFrame
	stuffed    = 8
	minFull    = 8 // rows, for a component so slow that its frames hold one
)

// inbox is where rows wait for a task, or (a component's pool) for any of its tasks.
type inbox struct {
	// Fixed once the worker is connected.
	w       *Worker
	tasks   []*task // that take from it
	senders []*task // that are fed no more while it is full

	frame atomic.Int64 // rows that its tasks take at once
	full  atomic.Bool  // written under mu

	mu    sync.Mutex
	queue stream.Queue
	room  sync.Cond // of mu: there is less in it, or it is closed
	shut  bool      // the worker stops: nobody waits any more
}

func newInbox(w *Worker, tasks ...*task) *inbox {
	in := &inbox{w: w, tasks: tasks}
	in.room.L = &in.mu
	in.frame.Store(1)
	return in
}

// put adds a batch. It does not wake anybody: call wake when all is put.
func (in *inbox) put(b *stream.Batch) {
	in.w.addLoad(b.N)
	in.mu.Lock()
	in.queue.Push(b, int(in.frame.Load()), multilang.TargetFrame)
	if in.over(1) { // only take may say that there is room again: it tells the senders
		in.full.Store(true)
	}
	in.mu.Unlock()
}

// over tells whether the inbox holds times as much as makes it full. mu is held.
func (in *inbox) over(times int) bool {
	rows := times * max(minFull, fullFrames*int(in.frame.Load()))
	return in.queue.Rows() >= rows || in.queue.Bytes() >= times*fullBytes
}

// take removes rows for a frame. drained tells that the inbox is no longer
// full: call kick once no lock is held.
func (in *inbox) take(rows, size int) (b *stream.Batch, drained bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	b = in.queue.Pop(rows, size)
	if b == nil || !in.full.Load() {
		return b, false
	}
	in.room.Broadcast()
	// Half of what makes it full: senders are not to be stopped and started with every frame.
	if in.queue.Rows() > max(minFull, fullFrames*int(in.frame.Load()))/2 || in.queue.Bytes() > fullBytes/2 {
		return b, false
	}
	in.full.Store(false)
	return b, true
}

// peek returns the first batch and the number of rows that wait.
func (in *inbox) peek() (*stream.Batch, int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.queue.Peek(), in.queue.Rows()
}

// wake writes frames to the children that are ready for one.
func (in *inbox) wake() {
	if len(in.tasks) == 1 {
		in.tasks[0].pump()
		return
	}
	for _, t := range leastBusyFirst(in.tasks) {
		if _, rows := in.peek(); rows == 0 {
			return
		}
		t.pump()
	}
}

// leastBusyFirst orders the tasks that can take rows by the rows they have.
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

// kick feeds the senders again.
func (in *inbox) kick() {
	for _, s := range in.senders {
		s.pump()
	}
}

// await blocks a reader until the inbox is no longer stuffed.
func (in *inbox) await() {
	in.mu.Lock()
	for in.over(stuffed) && !in.shut {
		in.room.Wait()
	}
	in.mu.Unlock()
}

// stuffedNow tells whether nothing more may be put in.
func (in *inbox) stuffedNow() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.over(stuffed)
}

// aloneIn tells whether every row that waits belongs to the tree.
func (in *inbox) aloneIn(root acker.Root) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	alone := true
	in.queue.Each(func(b *stream.Batch) {
		for _, r := range b.Roots {
			alone = alone && r == root
		}
		alone = alone && len(b.Roots) > 0
	})
	return alone
}

// close lets waiting readers go and forgets the rows.
func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.shut = true
	in.w.addLoad(-in.queue.Rows())
	in.queue.Clear()
	in.room.Broadcast()
}
