package transport

import "encoding/binary"

// headerSize is the size of a frame's header, in bytes.
const headerSize = 32

// flagControl marks frames of the transport itself, which carry no message.
const flagControl = 1

// The types of control frames. A receiver ignores those it does not know.
const (
	controlNothing = 1 // proves life, and acknowledges
	controlBye     = 2 // the dialer ends the link
	controlRefusal = 3 // the writer ends the link; the body says why
)

// maxControl bounds the body of a control frame, in bytes.
const maxControl = 2 << 10

// header is what comes before a frame's body.
type header struct {
	length  int // of the body
	typ     byte
	control bool
	seq     uint64 // 0 in control frames
	ack     uint64
	epoch   int64
}

// put writes the header to the first [headerSize] bytes of b.
func (h header) put(b []byte) {
	_ = b[headerSize-1]
	binary.BigEndian.PutUint32(b, uint32(h.length))
	b[4], b[5], b[6], b[7] = h.typ, 0, 0, 0
	if h.control {
		b[5] = flagControl
	}
	binary.BigEndian.PutUint64(b[8:], h.seq)
	putAck(b, h.ack)
	binary.BigEndian.PutUint64(b[24:], uint64(h.epoch))
}

// putAck changes the acknowledgement in a header that is written already.
func putAck(b []byte, ack uint64) { binary.BigEndian.PutUint64(b[16:], ack) }

// parseHeader reads what put wrote. It refuses what no one may write, so that
// a reader that is out of step stops at once.
func parseHeader(b []byte, maxMessage int) (header, error) {
	_ = b[headerSize-1]
	h := header{
		typ:     b[4],
		control: b[5] == flagControl,
		seq:     binary.BigEndian.Uint64(b[8:]),
		ack:     binary.BigEndian.Uint64(b[16:]),
		epoch:   int64(binary.BigEndian.Uint64(b[24:])),
	}
	length := binary.BigEndian.Uint32(b)
	limit := maxMessage
	if h.control {
		limit = maxControl
	}
	switch {
	case b[5]&^flagControl != 0 || b[6] != 0 || b[7] != 0:
		return h, refusef(CodeProtocol, "a frame has the flags %x, which version %d does not know", b[5:8], version)
	case uint64(length) > uint64(limit):
		return h, refusef(CodeProtocol, "a frame of %d bytes: at most %d are allowed", length, limit)
	case h.control != (h.seq == 0):
		return h, refusef(CodeProtocol, "a frame has the number %d, with flags %x", h.seq, b[5])
	}
	h.length = int(length)
	return h, nil
}
