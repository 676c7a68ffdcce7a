package shells

import (
	"os"
	"sync"
	"syscall"
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
type input struct {
	file *os.File
	raw  syscall.RawConn
	wake chan struct{} // capacity 1; never closed

	mu      sync.Mutex
	queue   []byte // waits for the writer
	writing int    // bytes in the writer's hands
	closing bool   // close once all is written
	dead    bool   // nobody will read: drop everything

	// The inline write's argument and result, guarded by mu. They are fields,
	// and try is made once, so that a write allocates nothing.
	arg []byte
	n   int
	err error
	try func(fd uintptr) bool
}

func newInput(file *os.File) (*input, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	in := &input{file: file, raw: raw, wake: make(chan struct{}, 1)}
	in.try = func(fd uintptr) bool {
		in.n, in.err = syscall.Write(int(fd), in.arg)
		return true // never wait here
	}
	return in, nil
}

// write writes b now or queues a copy of it. It never blocks.
func (in *input) write(b []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.dead || in.closing || len(b) == 0 {
		return
	}
	if len(in.queue) == 0 && in.writing == 0 {
		// Through raw, not through a remembered descriptor: the descriptor
		// may be closed, and its number reused, at any time.
		in.arg, in.n, in.err = b, 0, nil
		closed := in.raw.Write(in.try)
		in.arg = nil
		switch {
		case closed != nil || in.err == syscall.EPIPE:
			in.dead = true
			return
		case in.n > 0:
			b = b[in.n:]
		}
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
	in.dead = true
	in.queue = nil
	in.notify()
	in.mu.Unlock()
	in.file.Close() // ends a write that waits; a second close is refused, harmlessly
}

// run is the writer goroutine. It returns when the pipe is closed.
func (in *input) run() {
	var buf []byte
	for range in.wake {
		for {
			var done bool
			if buf, done = in.next(buf); done {
				in.file.Close()
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
	for len(buf) > 0 {
		n, err := in.file.Write(buf[:min(len(buf), inputChunk)])
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
