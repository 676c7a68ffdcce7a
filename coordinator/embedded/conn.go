package embedded

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

const (
	// A client must finish its handshake, and every packet it has begun,
	// within this time, and take what is written to it.
	ioTimeout = 10 * time.Second

	// maxInFlight bounds a client's requests that are not answered yet: beyond
	// that nothing is read from it.
	maxInFlight = 8

	// pieceSize bounds what is allocated for bytes that have not come yet.
	pieceSize = 64 << 10
)

// conn is a client's connection. Two goroutines serve it: one reads requests
// and hands them to the loop, the other writes what the loop has put into the
// outbox. A client that stalls stalls only these.
type conn struct {
	// fixed at construction
	id    int64
	net   net.Conn
	slots chan struct{} // holds a token for each request without a written answer
	done  chan struct{} // closed when nothing is written any more
	out   outbox

	// owned by the loop
	caller   tree.Caller // without a session until the handshake is over
	closed   bool        // what still comes is ignored
	staged   []byte      // answers and events that wait for the journal
	answered int         // answers in staged
}

// outbox is what is to be written to a client. The loop never waits for it:
// answers are bounded by the slots, events by the client's watches.
type outbox struct {
	wake chan struct{} // fixed: capacity one, holds a token when something came; never closed

	mu      sync.Mutex
	buf     []byte // guarded by mu
	answers int    // guarded by mu: in buf
	ended   bool   // guarded by mu: nothing follows
}

// add puts bytes behind the others.
func (o *outbox) add(b []byte, answers int) {
	o.mu.Lock()
	o.buf = append(o.buf, b...)
	o.answers += answers
	o.mu.Unlock()
	o.signal()
}

// end has the connection closed when all is written.
func (o *outbox) end() {
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take empties the outbox; spare is reused for what comes.
func (o *outbox) take(spare []byte) (b []byte, answers int, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, answers, ended = o.buf, o.answers, o.ended
	o.buf, o.answers = spare[:0], 0
	return b, answers, ended
}

func newConn(id int64, nc net.Conn) *conn {
	return &conn{
		id: id, net: nc, slots: make(chan struct{}, maxInFlight), done: make(chan struct{}),
		out: outbox{wake: make(chan struct{}, 1)},
	}
}

// write writes the outbox until it ends, the client does not take it, or
// stopped is closed. It closes the connection.
func (c *conn) write(stopped <-chan struct{}) {
	defer close(c.done)
	defer c.net.Close()
	var spare []byte
	for {
		select {
		case <-c.out.wake:
		case <-stopped:
			return
		}
		b, answers, ended := c.out.take(spare)
		if len(b) > 0 {
			if err := c.net.SetWriteDeadline(time.Now().Add(ioTimeout)); err != nil {
				return
			}
			if _, err := c.net.Write(b); err != nil {
				return
			}
		}
		for range answers {
			<-c.slots
		}
		if ended {
			return
		}
		if spare = b; cap(spare) > pieceSize {
			spare = nil
		}
	}
}

// input is something for the loop from a connection: exactly one of the
// pointers is set, or none when the connection is gone.
type input struct {
	conn    *conn
	connect *connectRequest
	request *request
	word    string // a four-letter word instead of a handshake
}

var errTooLong = errors.New("packet is too long")

// read hands what a client sends to the loop until the client goes, does what
// it must not, or stopped is closed.
func (c *conn) read(inputs chan<- input, stopped <-chan struct{}) error {
	send := func(in input) bool {
		in.conn = c
		select {
		case inputs <- in:
			return true
		case <-stopped:
			return false
		}
	}
	r := bufio.NewReaderSize(c.net, 4<<10)
	first, err := c.readFirst(r)
	if err != nil || !send(first) || first.connect == nil {
		return err
	}
	var packet []byte
	for {
		if packet, err = c.readNext(r, packet); err != nil {
			return err
		}
		request, err := parseRequest(packet)
		if err != nil {
			return err
		}
		select {
		case c.slots <- struct{}{}:
		case <-c.done:
			return nil
		case <-stopped:
			return nil
		}
		if !send(input{request: &request}) {
			return nil
		}
		if cap(packet) > pieceSize {
			packet = nil
		}
	}
}

// readFirst reads a handshake, or a word in its place.
func (c *conn) readFirst(r *bufio.Reader) (input, error) {
	if err := c.net.SetReadDeadline(time.Now().Add(ioTimeout)); err != nil {
		return input{}, err
	}
	// A word looks like a length of more than a gigabyte.
	if word, err := r.Peek(4); err == nil && words[string(word)] {
		return input{word: string(word)}, nil
	}
	packet, err := readPacket(r, nil)
	if err != nil {
		return input{}, err
	}
	connect, err := parseConnect(packet)
	return input{connect: &connect}, err
}

// readNext waits as long as it takes for the next packet to begin, but not for
// its end.
func (c *conn) readNext(r *bufio.Reader, buf []byte) ([]byte, error) {
	if err := c.net.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if _, err := r.Peek(1); err != nil {
		return nil, err
	}
	if err := c.net.SetReadDeadline(time.Now().Add(ioTimeout)); err != nil {
		return nil, err
	}
	return readPacket(r, buf)
}

// readPacket reads a packet into buf, which it may replace.
func readPacket(r io.Reader, buf []byte) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > maxPacket {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", errTooLong, size, maxPacket)
	}
	buf = buf[:0]
	for len(buf) < int(size) {
		at := len(buf)
		piece := min(int(size)-at, pieceSize)
		buf = append(buf, make([]byte, piece)...)
		if _, err := io.ReadFull(r, buf[at:]); err != nil {
			return nil, err
		}
	}
	return buf, nil
}
