package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Message is a message as it arrives.
type Message struct {
	Type  byte   // the caller's
	Epoch int64  // of the assignment that the sender knew when it sent
	Body  []byte // valid until the handler returns
}

// errSuperseded ends a connection that a newer one of the same link replaces.
var errSuperseded = errors.New("a newer connection has taken over")

// endpoint is one end of a link: what both ends do alike. It lives as long as
// the link does, while connections come and go.
//
// A connection has a goroutine that reads and one that writes. Those of a new
// connection wait for those of the one before: a handler that takes its time
// keeps the new reader waiting, while the new writer already shows that we live.
type endpoint struct {
	// fixed at construction
	limits Limits
	epoch  func() int64
	handle func(Message)
	room   func() // told after messages were acknowledged; may be nil
	after  <-chan struct{}
	wake   chan struct{} // capacity 1, never closed: the writer has something to do
	reader chan struct{} // capacity 1, never closed: holds a token while somebody reads
	writer chan struct{} // capacity 1, never closed: the same for writing
	ackIn  *time.Timer   // asks for an acknowledgement when it fires

	peerEpoch atomic.Int64 // the newest that the far side has shown

	handled atomic.Uint64 // number of the last message that the handler has done with
	ackDue  atomic.Bool   // the writer is to acknowledge at once
	delayed atomic.Bool   // ackIn runs

	mu    sync.Mutex
	out   outbox        // guarded by mu
	idle  bool          // guarded by mu: the writer waits for wake
	conn  *connection   // guarded by mu: the present one, or the last
	taken uint64        // guarded by mu: number of the last message given to the handler
	end   error         // guarded by mu: why the link has ended, nil before
	empty chan struct{} // guarded by mu: closed when out becomes empty or the link ends; nil when nobody waits
}

// init prepares an endpoint. No message is handled before after is closed, if
// it is not nil.
func (e *endpoint) init(limits Limits, epoch func() int64, handle func(Message), room func(), after <-chan struct{}) {
	e.limits, e.epoch, e.handle, e.room, e.after = limits, epoch, handle, room, after
	if after == nil {
		ready := make(chan struct{})
		close(ready)
		e.after = ready
	}
	e.wake, e.reader, e.writer = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	e.ackIn = time.AfterFunc(time.Hour, func() {
		e.delayed.Store(false)
		e.ackNow()
	})
	e.ackIn.Stop()
}

// send queues a message of the given parts.
func (e *endpoint) send(typ byte, parts [][]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if size > e.limits.MaxMessage {
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrTooLarge, size, e.limits.MaxMessage)
	}
	epoch := e.epoch()
	e.mu.Lock()
	if e.end != nil {
		e.mu.Unlock()
		return ErrEnded
	}
	e.out.append(typ, epoch, parts)
	wake := e.idle
	e.idle = false
	e.mu.Unlock()
	if wake {
		e.wakeWriter()
	}
	return nil
}

func (e *endpoint) wakeWriter() {
	select {
	case e.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// ackNow has the writer acknowledge what was handled.
func (e *endpoint) ackNow() {
	e.ackDue.Store(true)
	e.wakeWriter()
}

// unacked returns the bytes and messages that are kept.
func (e *endpoint) unacked() (bytes int, messages uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out.bytes, e.out.appended - e.out.acked
}

// flush waits until everything sent so far, and what is sent meanwhile, is acknowledged.
func (e *endpoint) flush(ctx context.Context) error {
	for {
		e.mu.Lock()
		if e.out.appended == e.out.acked {
			e.mu.Unlock()
			return nil
		}
		if e.end != nil {
			defer e.mu.Unlock()
			return e.end
		}
		if e.empty == nil {
			e.empty = make(chan struct{})
		}
		empty := e.empty
		e.mu.Unlock()
		select {
		case <-empty:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tellEmpty wakes those in flush. The caller holds mu.
func (e *endpoint) tellEmpty() {
	if e.empty != nil {
		close(e.empty)
		e.empty = nil
	}
}

// attach makes a connection the present one: the one before ends. peerNext is
// the message that the far side waits for; the result is the one that is
// waited for here. A [*Refusal] means that the two have lost each other.
func (e *endpoint) attach(c *connection, peerNext uint64) (next uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.end != nil {
		return 0, e.end
	}
	if err := e.out.rewind(peerNext); err != nil {
		return 0, err
	}
	if e.conn != nil {
		e.conn.fail(errSuperseded)
	}
	e.conn = c
	if e.out.appended == e.out.acked {
		e.tellEmpty()
	}
	return e.taken + 1, nil
}

// uses tells whether a connection is the present one, or the last.
func (e *endpoint) uses(c *connection) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.conn == c
}

// stop ends the link: no message is sent or handed to the handler from now on.
// The first cause counts; stop reports whether this was it.
func (e *endpoint) stop(cause error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.end != nil {
		return false
	}
	e.end = cause
	e.ackIn.Stop()
	e.tellEmpty()
	return true
}

// finish ends the link and its connection. The far side is told of a [*Refusal].
func (e *endpoint) finish(cause error) {
	if !e.stop(cause) {
		return
	}
	e.mu.Lock()
	c := e.conn
	e.mu.Unlock()
	r := (*Refusal)(nil)
	switch {
	case c == nil:
	case errors.As(cause, &r):
		e.leave(c, refusalFrame(r), cause)
	default:
		c.fail(cause)
	}
}

// take tells whether the handler is to see a message. An error ends the connection.
func (e *endpoint) take(c *connection, seq uint64) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.conn != c:
		return false, errSuperseded
	case e.end != nil, seq <= e.taken:
		return false, nil
	case seq != e.taken+1:
		return false, refusef(CodeProtocol, "message %d came after message %d", seq, e.taken)
	}
	e.taken = seq
	return true, nil
}

// acknowledged removes messages that the far side is done with.
func (e *endpoint) acknowledged(c *connection, seq uint64) error {
	e.mu.Lock()
	if e.conn != c {
		e.mu.Unlock()
		return errSuperseded
	}
	before := e.out.acked
	err := e.out.ack(seq)
	more := e.out.acked > before
	if more && e.out.appended == e.out.acked {
		e.tellEmpty()
	}
	e.mu.Unlock()
	if more && e.room != nil {
		e.room()
	}
	return err
}
