package transport

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/polybolt/polybolt/host/crash"
)

// errBye: the dialer has ended the link.
var errBye = errors.New("the dialer has ended the link")

// serve moves messages over an attached connection until it fails, and returns
// why. All that it started has ended then.
func (e *endpoint) serve(c *connection) error {
	var wg crash.Group
	wg.Go(func() { e.write(c) })
	e.read(c)
	wg.Wait()
	return c.err
}

// leave ends the connection with a frame that says why.
func (e *endpoint) leave(c *connection, frame []byte, cause error) {
	c.leave(frame, cause)
	e.wakeWriter()
}

// read takes frames off the connection until it fails.
func (e *endpoint) read(c *connection) {
	select {
	case <-e.after:
	case <-c.closed:
		return
	}
	select {
	case e.reader <- struct{}{}:
		defer func() { <-e.reader }()
	case <-c.closed:
		return
	}
	err := e.receive(c)
	if r := (*Refusal)(nil); errors.As(err, &r) {
		e.leave(c, refusalFrame(r), err)
	}
	if last, _ := c.leaving(); last != nil {
		_, _ = io.Copy(io.Discard, c) // until the far side hangs up or the time is over
	}
	switch {
	case errors.Is(err, io.EOF):
		err = errors.New("the other end has closed the connection")
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("nothing was heard for %v", c.silence)
	}
	c.fail(err)
}

// receive takes frames off the connection until it fails. A [*Refusal] says
// that the far side broke a rule, and is to be told.
func (e *endpoint) receive(c *connection) error {
	var (
		in    = scanner{r: c, max: e.limits.MaxMessage}
		acked uint64 // what the far side has acknowledged
		epoch = e.peerEpoch.Load()
		owed  int // bytes received since an acknowledgement was last asked for
	)
	for {
		h, body, err := in.next()
		if err == nil && h.ack > acked {
			acked = h.ack
			err = e.acknowledged(c, acked)
		}
		if err != nil {
			return err
		}
		if h.epoch > epoch {
			epoch = h.epoch
			e.peerEpoch.Store(epoch)
		}
		if h.control {
			if err := e.control(c, &in, h, body); err != nil {
				return err
			}
			continue
		}
		if err := e.message(c, h, body); err != nil {
			return err
		}
		owed += headerSize + h.length
		switch {
		case owed >= e.limits.AckBytes:
			owed = 0
			e.ackNow()
		case in.waits() && !e.delayed.Swap(true):
			e.ackIn.Reset(e.limits.AckDelay)
		}
	}
}

// message hands a message to the handler, unless it was there before.
func (e *endpoint) message(c *connection, h header, body []byte) error {
	mine, err := e.take(c, h.seq)
	if mine {
		e.handle(Message{Type: h.typ, Epoch: h.epoch, Body: body})
		e.handled.Store(h.seq)
	}
	return err
}

// control does what a control frame says.
func (e *endpoint) control(c *connection, in *scanner, h header, body []byte) error {
	switch h.typ {
	case controlNothing:
		if in.waits() {
			in.trim() // the far side is idle, or has nothing for us
		}
	case controlBye:
		c.fail(errBye)
		return errBye
	case controlRefusal:
		r, err := parseReason(body)
		if err == nil {
			c.fail(r) // at once: there is nothing to be said about it
			return io.EOF
		}
		return err
	}
	return nil
}

// write puts frames on the connection until it fails.
func (e *endpoint) write(c *connection) {
	select {
	case e.writer <- struct{}{}:
		defer func() { <-e.writer }()
	case <-c.closed:
		return
	}
	defer e.release()
	ticker := time.NewTicker(e.limits.Ping)
	defer ticker.Stop()
	var (
		small = make([]byte, headerSize)
		acked uint64 // what was acknowledged on this connection
		busy  bool   // something was written since the last tick
	)
	for {
		due := e.ackDue.Swap(false) // before handled is read: what is handled later asks again
		ack := e.handled.Load()
		b, err := e.batch(c, ack)
		if err != nil {
			c.fail(err)
			return
		}
		// A bye comes after all that was sent, as far as the time for it goes; a refusal at once.
		if last, _ := c.leaving(); last != nil && (b == nil || last[4] != controlBye) {
			e.writeLast(c, last, ack)
			return
		}
		switch {
		case b != nil:
			busy = true
		case due && ack > acked:
			b, busy = e.nothing(small, ack), true
		default:
			select {
			case <-e.wake:
				continue
			case <-c.closed:
				return
			case <-ticker.C:
				if busy {
					busy = false
					continue
				}
				e.trim()
				b = e.nothing(small, ack)
			}
		}
		if _, err := c.conn.Write(b); err != nil {
			c.fail(err)
			return
		}
		acked = ack
	}
}

// nothing writes a control frame without a body to b.
func (e *endpoint) nothing(b []byte, ack uint64) []byte {
	header{typ: controlNothing, control: true, ack: ack, epoch: e.epoch()}.put(b)
	return b
}

// writeLast writes the frame after which nothing follows. The reader ends the connection.
func (e *endpoint) writeLast(c *connection, frame []byte, ack uint64) {
	putAck(frame, ack)
	_, err := c.conn.Write(frame)
	if err == nil {
		err = c.closeWrite()
	}
	if err != nil {
		c.fail(err)
	}
}

// batch returns bytes to be written after those of the last call, which are
// done with. There are none when it returns nil: then wake will tell of more.
func (e *endpoint) batch(c *connection, ack uint64) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out.release()
	if e.conn != c {
		return nil, errSuperseded
	}
	b := e.out.next(ack)
	e.idle = b == nil
	return b, nil
}

// release ends the use of what batch returned.
func (e *endpoint) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out.release()
}

// trim lets go of what an idle link does not need.
func (e *endpoint) trim() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out.trim()
}

// byeFrame is the last frame of a link that its dialer ends.
func byeFrame() []byte {
	b := make([]byte, headerSize)
	header{typ: controlBye, control: true}.put(b)
	return b
}

// refusalFrame is the last frame of a link that either side ends for a reason.
func refusalFrame(r *Refusal) []byte {
	b := appendReason(make([]byte, headerSize), r.Code, r.Text)
	header{length: len(b) - headerSize, typ: controlRefusal, control: true}.put(b)
	return b
}
