package transport

import "io"

// The sizes of a scanner's buffer, in bytes. It begins small, grows while
// reads fill it, beyond maxScan only for a message that is larger, and shrinks
// again when the link is idle.
const (
	minScan = 4 << 10
	maxScan = 256 << 10
)

// scanner takes frames off a connection. It keeps no more than one frame
// beyond what a read brings, and takes memory only as the bytes come in: a frame
// that claims to be large costs nothing.
type scanner struct {
	r          io.Reader
	buf        []byte
	start, end int // what was read and not yet returned
	max        int // bytes of a message
}

// next returns the next frame. The body is valid until the following call. The
// error is a [*Refusal] when what came is no frame.
func (s *scanner) next() (header, []byte, error) {
	if err := s.fill(headerSize); err != nil {
		return header{}, nil, err
	}
	h, err := parseHeader(s.buf[s.start:s.end], s.max)
	if err != nil {
		return h, nil, err
	}
	if err := s.fill(headerSize + h.length); err != nil {
		return h, nil, err
	}
	body := s.buf[s.start+headerSize : s.start+headerSize+h.length]
	s.start += headerSize + h.length
	return h, body, nil
}

// waits tells whether next would have to read.
func (s *scanner) waits() bool {
	have := s.buf[s.start:s.end]
	if len(have) < headerSize {
		return true
	}
	h, err := parseHeader(have, s.max)
	return err == nil && len(have) < headerSize+h.length
}

// fill reads until size bytes are there.
func (s *scanner) fill(size int) error {
	for s.end-s.start < size {
		s.makeRoom(size)
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil && s.end-s.start < size {
			if err == io.EOF && s.end > s.start {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// makeRoom makes sure that there is something to read into. size is what is to
// lie in the buffer in one piece, in the end.
func (s *scanner) makeRoom(size int) {
	have := s.end - s.start
	full := s.end == len(s.buf) // the last read brought all there was room for
	switch {
	case have == len(s.buf), full && len(s.buf) < maxScan:
		// Twice as much, but past maxScan no more than the frame needs.
		grown := make([]byte, max(minScan, min(2*len(s.buf), max(maxScan, size))))
		copy(grown, s.buf[s.start:s.end])
		s.buf = grown
	case s.start > 0:
		copy(s.buf, s.buf[s.start:s.end])
	}
	s.start, s.end = 0, have
}

// trim lets go of memory that an idle link does not need.
func (s *scanner) trim() {
	if s.start == s.end && len(s.buf) > minScan {
		s.buf, s.start, s.end = nil, 0, 0
	}
}
