package multilang

import (
	"bytes"
	"fmt"
)

// BeginFrame makes room for a frame's length after dst; the message follows,
// then EndFrame with the returned position.
func BeginFrame(dst []byte) ([]byte, int) {
	return append(dst, 0, 0, 0, 0), len(dst)
}

// EndFrame writes the length of the frame that began at the position at.
func EndFrame(dst []byte, at int) []byte {
	be.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// PieceKind says what a [Splitter] found.
type PieceKind uint8

// The pieces of a child's output.
const (
	More     PieceKind = iota // nothing yet: call again with more bytes
	Text                      // bytes before the magic
	Started                   // the magic itself
	Frame                     // one message
	TooLarge                  // the start of a message beyond the limit; the rest is skipped
)

// Piece is one thing found in a child's output.
type Piece struct {
	Kind PieceKind
	Body []byte // aliases the input
	Used int    // bytes of the input that the piece took
	Want int    // More: a next call makes sense with so many bytes in all
	Size int    // TooLarge: of the whole message
}

// largeHead is how much of a message beyond the limit is shown: enough for
// what it says about itself before its body.
const largeHead = 1 << 10

// absurd is the length from which on a frame's header is taken for garbage,
// not for a message beyond the limit.
const absurd = 1 << 30

// Splitter cuts a stream into frames. Its zero value is for the host's side of
// a stream: text, magic, frames. It keeps no bytes: what Next does not use it
// must be given again.
type Splitter struct {
	Limit   int  // the longest message; 0 means FrameSlack, all that a hello may take
	Started bool // the magic has been seen (set it for a stream without one)

	offset int64 // of the next byte
	skip   int   // bytes left of a message beyond the limit
}

// Next returns the first piece of buf. The error tells where the stream is no
// longer one of frames, and what stands there.
func (s *Splitter) Next(buf []byte) (Piece, error) {
	p, err := s.next(buf)
	s.offset += int64(p.Used)
	return p, err
}

func (s *Splitter) next(buf []byte) (Piece, error) {
	if s.skip > 0 {
		n := min(s.skip, len(buf))
		if n < len(buf) {
			s.skip, s.offset = 0, s.offset+int64(n)
			p, err := s.next(buf[n:])
			s.offset -= int64(n)
			p.Used += n
			p.Want += n
			return p, err
		}
		s.skip -= n
		return Piece{Used: n, Want: 1}, nil
	}
	if !s.Started {
		return s.text(buf), nil
	}
	if len(buf) < 4 {
		return Piece{Want: 4}, nil
	}
	n := uint64(be.Uint32(buf))
	if n >= absurd || len(buf) > 4 && !startsArray(buf[4]) || n == 0 {
		return Piece{}, fmt.Errorf("something wrote to the protocol stream: byte %d: % x %s: %w",
			s.offset, buf[:min(len(buf), 32)], printable(buf[:min(len(buf), 200)]), ErrMalformed)
	}
	limit := s.Limit
	if limit == 0 {
		limit = FrameSlack
	}
	if n > uint64(limit) {
		if len(buf) < 4+largeHead {
			return Piece{Want: 4 + min(int(n), largeHead)}, nil
		}
		s.skip = int(n) - largeHead
		return Piece{Kind: TooLarge, Body: buf[4 : 4+largeHead], Used: 4 + largeHead, Size: int(n)}, nil
	}
	if uint64(len(buf)) < 4+n {
		return Piece{Want: 4 + int(n)}, nil
	}
	return Piece{Kind: Frame, Body: buf[4 : 4+n], Used: 4 + int(n)}, nil
}

// text looks for the magic. Bytes that may be its beginning wait for more.
func (s *Splitter) text(buf []byte) Piece {
	if i := bytes.IndexByte(buf, Magic[0]); i > 0 {
		return Piece{Kind: Text, Body: buf[:i], Used: i}
	} else if i < 0 {
		if len(buf) == 0 {
			return Piece{Want: 1}
		}
		return Piece{Kind: Text, Body: buf, Used: len(buf)}
	}
	n := min(len(buf), len(Magic))
	switch {
	case string(buf[:n]) != Magic[:n]:
		return Piece{Kind: Text, Body: buf[:1], Used: 1}
	case n < len(Magic):
		return Piece{Want: len(Magic)}
	}
	s.Started = true
	return Piece{Kind: Started, Used: n}
}

func startsArray(c byte) bool { return c >= 0x91 && c <= 0x9f || c == 0xdc || c == 0xdd }

// printable shows bytes as text, with everything odd as a dot.
func printable(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		if c < ' ' || c > '~' {
			c = '.'
		}
		out[i] = c
	}
	return fmt.Sprintf("%q", out)
}
