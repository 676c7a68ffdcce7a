package transport

import "slices"

// The sizes of an outbox's chunks, in bytes: the first ones are small, because
// most links are idle, and a message that is larger gets a chunk of its own.
const (
	minChunk = 8 << 10
	maxChunk = 512 << 10
)

// maxSpare bounds the memory of used chunks that are kept for reuse.
const maxSpare = 8 * maxChunk

// outbox keeps messages from when they are sent until they are acknowledged,
// encoded as they go over the wire and copied once: what is written to a
// connection is a part of a chunk. It is pure; the zero value is empty.
//
// Three positions move through it: messages are appended at the end, written
// from the cursor, and removed from the front when they are acknowledged.
type outbox struct {
	chunks []*chunk // front first; empty while nothing is kept
	head   int      // where the oldest message begins in chunks[0]
	at     int      // the index of the chunk that is written from
	off    int      // and where in it
	pinned *chunk   // being written, outside of any lock: not reused before it is released
	spare  []*chunk // used chunks, empty
	spared int      // bytes in spare

	appended uint64 // number of the last message
	sent     uint64 // the last that was handed out for writing on this connection
	acked    uint64 // the last that was acknowledged
	bytes    int    // of the messages kept, headers included
}

// chunk is a piece of the outbox's memory that holds whole frames.
type chunk struct {
	buf  []byte
	last uint64 // number of its last message
}

// append adds a message of the given parts.
func (o *outbox) append(typ byte, epoch int64, parts [][]byte) {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	c := o.room(headerSize + length)
	o.appended++
	start := len(c.buf)
	c.buf = c.buf[:start+headerSize]
	header{length: length, typ: typ, seq: o.appended, epoch: epoch}.put(c.buf[start:])
	for _, p := range parts {
		c.buf = append(c.buf, p...)
	}
	c.last = o.appended
	o.bytes += headerSize + length
}

// room returns the last chunk, with space for size bytes.
func (o *outbox) room(size int) *chunk {
	want := minChunk
	if n := len(o.chunks); n > 0 {
		c := o.chunks[n-1]
		if cap(c.buf)-len(c.buf) >= size {
			return c
		}
		want = min(2*cap(c.buf), maxChunk)
	}
	c := o.used(size)
	if c == nil {
		c = &chunk{buf: make([]byte, 0, max(want, size))}
	}
	o.chunks = append(o.chunks, c)
	return c
}

// used takes a spare chunk of at least that size, the one used last; nil if there is none.
func (o *outbox) used(size int) *chunk {
	for i := len(o.spare) - 1; i >= 0; i-- {
		if c := o.spare[i]; cap(c.buf) >= size {
			o.spare = slices.Delete(o.spare, i, i+1)
			o.spared -= cap(c.buf)
			return c
		}
	}
	return nil
}

// next returns bytes to be written now, whole frames of which the first
// carries the acknowledgement, or nil. The caller may use them, outside of any
// lock, until it calls release.
func (o *outbox) next(ack uint64) []byte {
	for o.at < len(o.chunks) {
		c := o.chunks[o.at]
		if o.off < len(c.buf) {
			b := c.buf[o.off:]
			putAck(b, ack)
			o.off = len(c.buf)
			o.sent = c.last
			o.pinned = c
			return b
		}
		if o.at == len(o.chunks)-1 {
			break // more may be appended to it
		}
		o.at, o.off = o.at+1, 0
	}
	return nil
}

// release ends the use of what next returned.
func (o *outbox) release() {
	c := o.pinned
	o.pinned = nil
	switch {
	case c == nil:
	case c.last <= o.acked && (len(o.chunks) == 0 || o.chunks[0] != c):
		o.recycle(c) // was removed in the meantime
	case o.acked == o.appended:
		o.clear()
	}
}

// ack removes the messages up to a number. It returns a [*Refusal] when they
// were never handed out: then the peer is broken.
func (o *outbox) ack(seq uint64) error {
	if seq > o.sent {
		return refusef(CodeProtocol, "message %d was acknowledged, and %d is the last that was sent", seq, o.sent)
	}
	for o.acked < seq {
		c := o.chunks[0]
		if c.last <= seq {
			o.bytes -= len(c.buf) - o.head
			o.acked, o.head = c.last, len(c.buf)
			if len(o.chunks) > 1 {
				o.pop()
			}
			continue
		}
		h, err := parseHeader(c.buf[o.head:], maxInt)
		if err != nil {
			panic("transport: outbox: " + err.Error())
		}
		o.bytes -= headerSize + h.length
		o.head += headerSize + h.length
		o.acked++
	}
	if o.acked == o.appended {
		o.clear()
	}
	return nil
}

const maxInt = int(^uint(0) >> 1)

// pop removes the first chunk, all of which is acknowledged and none of which
// is left to write.
func (o *outbox) pop() {
	c := o.chunks[0]
	o.chunks = slices.Delete(o.chunks, 0, 1) // in place, so that it allocates nothing
	o.head = 0
	if o.at > 0 {
		o.at--
	} else {
		o.off = 0
	}
	if c != o.pinned {
		o.recycle(c)
	}
}

// clear begins the last chunk anew once nothing is kept, so that a link with
// little traffic goes on using the same memory.
func (o *outbox) clear() {
	if len(o.chunks) != 1 || o.chunks[0] == o.pinned {
		return
	}
	o.chunks[0].buf = o.chunks[0].buf[:0]
	o.head, o.at, o.off = 0, 0, 0
}

// recycle keeps a chunk for reuse, unless it is one of those that a link grows out of.
func (o *outbox) recycle(c *chunk) {
	if cap(c.buf) < maxChunk || o.spared+cap(c.buf) > maxSpare {
		return
	}
	c.buf = c.buf[:0]
	o.spare = append(o.spare, c)
	o.spared += cap(c.buf)
}

// rewind prepares for a new connection, whose far side waits for the message
// next: those before it are done with, the others are written again.
func (o *outbox) rewind(next uint64) error {
	if next <= o.acked {
		return refusef(CodeForgotten, "message %d is wanted again, and was acknowledged", next)
	}
	if err := o.ack(next - 1); err != nil {
		return err
	}
	o.at, o.off, o.sent = 0, o.head, o.acked
	return nil
}

// trim lets go of memory that an idle link does not need.
func (o *outbox) trim() {
	o.spare, o.spared = nil, 0
	if len(o.chunks) == 1 && o.acked == o.appended && o.pinned == nil && cap(o.chunks[0].buf) > minChunk {
		o.chunks, o.head, o.at, o.off = nil, 0, 0, 0
	}
}

// messages calls yield for every message that is kept, oldest first, until it
// returns false.
func (o *outbox) messages(yield func(Message) bool) {
	head := o.head
	for _, c := range o.chunks {
		for rest := c.buf[head:]; len(rest) > 0; {
			h, err := parseHeader(rest, maxInt)
			if err != nil {
				panic("transport: outbox: " + err.Error())
			}
			if !yield(Message{Type: h.typ, Epoch: h.epoch, Body: rest[headerSize : headerSize+h.length]}) {
				return
			}
			rest = rest[headerSize+h.length:]
		}
		head = 0
	}
}
