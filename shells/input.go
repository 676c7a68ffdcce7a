package shells

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// inputChunk bounds one write of the stdin writer, so that Queued follows what
// the child takes. inputKeep is the largest buffer kept for the next time.
const (
	inputChunk = 256 << 10
	inputKeep  = 1 << 20
)

// input is our end of a child's stdin. While the pipe has room the caller of
// write writes by itself, without waiting and without waking a goroutine: that
// halves the latency of a small frame. What does not fit is queued, and the
// writer goroutine (run) writes it in order.
//
// The runtime's poller hears of the pipe only once the writer has to wait: a
// poller is woken at every read of the child (Linux wakes edge-triggered ones
// always), for nothing while the pipe has room.
type input struct {
	wake chan struct{} // capacity 1; never closed

	mu      sync.Mutex
	fd      int      // guarded by mu: does not block; -1 once closed
	file    *os.File // guarded by mu: fd, once the poller knows it
	queue   []byte   // waits for the writer
	writing int      // bytes in the writer's hands
	closing bool     // close once all is written
	dead    bool     // nobody will read: drop everything
}

// newInput makes an input of a descriptor that does not block, and closes it in the end.
func newInput(fd int) *input { return &input{fd: fd, wake: make(chan struct{}, 1)} }

// write writes b now or queues a copy of it. It never blocks.
func (in *input) write(b []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.dead || in.closing || len(b) == 0 {
		return
	}
	if len(in.queue) == 0 && in.writing == 0 {
		n, err := writeNow(in.fd, b)
		if err == unix.EPIPE {
			in.dead = true
			return
		}
		b = b[n:]
		if len(b) == 0 {
			return
		}
	}
	in.queue = append(in.queue, b...)
	in.notify()
}

// notify wakes the writer. The caller holds mu.
func (in *input) notify() {
	select {
	case in.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// queued returns how many bytes wait.
func (in *input) queued() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.dead {
		return 0
	}
	return len(in.queue) + in.writing
}

// close closes the pipe once all that is queued has been written.
func (in *input) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closing = true
	in.notify()
}

// abandon drops what is queued and closes the pipe: the child is dead.
func (in *input) abandon() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.dead = true
	in.queue = nil
	in.notify()
	in.shut() // ends a write that waits
}

// shut closes the descriptor. The caller holds mu.
func (in *input) shut() {
	switch {
	case in.file != nil:
		in.file.Close() // a second close is refused, harmlessly
	case in.fd >= 0:
		unix.Close(in.fd)
	}
	in.fd = -1
}

// polled returns the descriptor for writes that wait, nil if it is closed.
func (in *input) polled() *os.File {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.file == nil && in.fd >= 0 {
		in.file = os.NewFile(uintptr(in.fd), "pipe")
	}
	return in.file
}

// run is the writer goroutine. It returns when the pipe is closed.
func (in *input) run() {
	var buf []byte
	for range in.wake {
		for {
			var done bool
			if buf, done = in.next(buf); done {
				in.mu.Lock()
				in.shut()
				in.mu.Unlock()
				return
			}
			if len(buf) == 0 {
				break
			}
			if !in.drain(buf) {
				in.abandon()
				return
			}
		}
	}
}

// next takes over the queue, leaving spent in its place, and tells whether
// there is nothing more to come.
func (in *input) next(spent []byte) (buf []byte, done bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if cap(spent) > inputKeep {
		spent = nil
	}
	buf, in.queue = in.queue, spent[:0]
	in.writing = len(buf)
	return buf, in.dead || in.closing && len(buf) == 0
}

// drain writes buf. It reports false when nobody reads any more.
func (in *input) drain(buf []byte) bool {
	file := in.polled()
	if file == nil {
		return false
	}
	for len(buf) > 0 {
		n, err := file.Write(buf[:min(len(buf), inputChunk)])
		buf = buf[n:]
		in.mu.Lock()
		in.writing = len(buf)
		in.mu.Unlock()
		if err != nil {
			return false // EPIPE, or closed by abandon: the exit will tell
		}
	}
	return true
}
