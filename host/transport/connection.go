package transport

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// farewellTime bounds how long a side that leaves waits for the other to hear why.
const farewellTime = time.Second

// connection is one connection of a link, past its handshake. One goroutine
// reads, another one writes; the other methods may be called concurrently.
type connection struct {
	// fixed at construction
	raw     net.Conn // of the operating system
	conn    net.Conn // the same, or TLS over it
	silence time.Duration
	closed  chan struct{} // closed by fail

	// owned by the reader
	later time.Time // when the read deadline is to be moved again

	once sync.Once
	err  error // why it ended; written before closed is closed

	mu    sync.Mutex
	last  []byte // guarded by mu: the frame that ends the link, once there is one
	cause error  // guarded by mu: and why it does
}

func newConnection(raw, conn net.Conn, silence time.Duration) *connection {
	return &connection{raw: raw, conn: conn, silence: silence, closed: make(chan struct{})}
}

// fail ends the connection. The first cause counts, and why it was left before that.
func (c *connection) fail(cause error) {
	c.once.Do(func() {
		c.err = cause
		if _, left := c.leaving(); left != nil {
			c.err = left
		}
		_ = c.raw.Close() // there is nothing to be done about an error, and the cause says more
		close(c.closed)
	})
}

// Read implements [io.Reader]. It gives up when nothing comes for the time of
// silence; the deadline is moved only now and then, because that has a price.
func (c *connection) Read(b []byte) (int, error) {
	if now := time.Now(); now.After(c.later) {
		c.later = now.Add(c.silence / 8)
		if err := c.extend(now.Add(c.silence)); err != nil {
			return 0, err
		}
	}
	return c.conn.Read(b)
}

// extend moves the read deadline, unless the connection is being left.
func (c *connection) extend(until time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil {
		return nil
	}
	return c.raw.SetReadDeadline(until)
}

// leave chooses the frame that is to be the last one written, which the caller
// then sees to: a bye behind all that waits, a refusal as soon as can be. The reader goes on until the far side has read it and hung up,
// so that it is not lost to a reset, but no longer than [farewellTime].
func (c *connection) leave(frame []byte, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last, c.cause = frame, cause
		_ = c.raw.SetDeadline(time.Now().Add(farewellTime)) // fails when it is closed: then nobody listens
	}
}

// leaving returns what leave was told, or nothing.
func (c *connection) leaving() (frame []byte, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.cause
}

// closeWrite tells the far side that nothing follows.
func (c *connection) closeWrite() error {
	switch conn := c.conn.(type) {
	case *tls.Conn:
		return conn.CloseWrite()
	case interface{ CloseWrite() error }:
		return conn.CloseWrite()
	}
	return nil // in memory: the far side hangs up when it has read the frame
}
