// Package multilang is the contract between the host and the programs that
// run as spouts and bolts: the frames, messages, values and columns of
// PROTOCOL.md, encoded and decoded for both sides.
//
// It is neutral between them and pure: no goroutine, clock, logger or I/O.
// Whatever comes from the other side passes a bounds-checking scanner
// ([Skip], [Column.Check]) before it is used; a decoder returns an error for
// any input that is not as PROTOCOL.md says, in time and memory linear in the
// input. Decoded messages alias the input; copy what must outlive it.
package multilang

import "errors"

// Magic is what a child writes first; 0xF5 never occurs in UTF-8 text.
const Magic = "\xF5PBOLT1\n"

// Version is the protocol version that this package speaks.
const Version = 1

// The limits of PROTOCOL.md.
const (
	MaxDepth     = 32       // nesting of lists and maps in a value
	FrameSlack   = 64 << 10 // what a frame may hold beyond the largest row
	TargetFrame  = 256 << 10
	MaxFields    = 1024    // columns of a stream
	MaxFrameRows = 1 << 20 // rows that one message may declare
)

// Level is how the rows of a component travel, agreed in the handshake.
type Level uint8

// The levels of our own protocol.
const (
	Rows    Level = iota // msgpack arrays, one per row
	Columns              // a typed column per field
)

// String returns the level's name on the wire.
func (l Level) String() string {
	if l == Columns {
		return "columns"
	}
	return "rows"
}

// Types of the messages to a child.
const (
	TypeWelcome    = 1
	TypeStart      = 2
	TypeData       = 3
	TypeNext       = 4
	TypeOutcome    = 5
	TypeActivate   = 6
	TypeDeactivate = 7
	TypeTick       = 8
	TypeTasks      = 9
	TypeStop       = 10
	TypeLevel      = 11
)

// Types of the messages from a child.
const (
	TypeHello  = 1
	TypeReady  = 2
	TypeReply  = 3
	TypeRows   = 4
	TypeBeat   = 5
	TypeLog    = 6
	TypeError  = 7
	TypeMetric = 8
	TypeFinish = 9
	TypeLeft   = 10
)

// TypeOptional is the first message type that a receiver ignores if it does
// not know it.
const TypeOptional = 64

// What decoders return, wrapped with the place and the reason.
var (
	ErrTruncated = errors.New("value is cut short")
	ErrMalformed = errors.New("not what the protocol allows")
)
