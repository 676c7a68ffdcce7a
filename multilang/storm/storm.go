// Package storm speaks Apache Storm's multilang protocol as a host: the JSON
// form, text closed by a line "end", and pystorm's msgpack form, an unframed
// stream of the same maps.
//
// Its [Adapter] stands between a host that speaks PROTOCOL.md and a component
// that was written for Storm. To the host it looks like a component of level
// columns; to the component it looks like Storm. It is pure: bytes in, bytes
// out, no goroutine, clock, logger or I/O, so whoever owns the pipe drives it:
//
//	a := storm.New(options)
//	toHost(a.Hello())              magic and hello, in the child's name
//	a.Host(frames)                 for whole frames from the host
//	used, want, err := a.Child(b)  for bytes from the child's stdout
//	a.Take()                       after either: what to write where
//	a.Wake(), a.Beat()             when a moment has passed
//	a.End()                        when the child has ended
//
// Take's Frames is what a component of ours would have written to its stdout:
// a judge that plays transcripts reads them instead of the child's own bytes.
//
// What Storm does with a mistake is to end the worker. Here a mistake costs
// the tuples it touches; only a stream that cannot be understood any more is an
// error, and then the child has to be ended. docs/storm-differences.md lists
// where this package does what the authors of the child libraries meant
// instead of what Storm does.
package storm

import (
	"errors"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// Form is one of the protocol's two forms.
type Form uint8

// The forms.
const (
	JSON    Form = iota // storm-json: storm.py, storm.js, storm.rb, pystorm
	Msgpack             // storm-msgpack: pystorm with serializer="msgpack"
)

// Streams and ids that Storm reserves.
const (
	systemComponent = "__system"
	tickStream      = "__tick"
	heartbeatStream = "__heartbeat"
	defaultStream   = "default"
)

// ErrOurs is what Child returns for a program that speaks PROTOCOL.md.
var ErrOurs = errors.New("it speaks Polybolt's own protocol, not Storm's (leave protocol out): started again as what it is")

// Options say what an adapter needs to know of the component and its place.
type Options struct {
	Form      Form
	Spout     bool
	Component string         // its id
	PIDDir    string         // where the child leaves a file named after its pid
	Conf      map[string]any // Storm's conf: see docs/storm-differences.md for its keys
	Context   map[string]any // Storm's context, whole
	Inputs    []Input        // by the index that data messages use
	Outputs   []Output       // by the index that groups use
	Tick      time.Duration  // what a tick tuple says
	Limit     int            // bytes of the largest message
	// BareNaN writes NaN and the infinities as Python's json does. Without it
	// they become null, as JavaScript and Ruby refuse them.
	BareNaN bool
	// Strict collects what the component does wrong as breaches, beside putting up with it.
	Strict bool
}

// Input is a stream that the component reads.
type Input struct{ Component, Stream string }

// Output is a stream that the component emits on.
type Output struct {
	Stream string
	Fields []string

	// Direct are the tasks that read the stream with direct grouping; nil, which
	// is not empty: nobody has said.
	Direct []int

	// Tasks are where all that is emitted on the stream goes, but for direct
	// emits. If every stream has some, emits that want to know are answered at
	// once. nil, which is not empty: it depends on the tuple, so the host is asked.
	Tasks multilang.U32s
}

// Work is what an adapter wants done: what [Adapter.Take] returns.
type Work struct {
	Stdin      []byte        // to be written to the child
	Frames     []byte        // whole frames for the host
	Text       []string      // lines that the child printed between its messages
	Awaited    bool          // Stdin holds task ids, which the child has to read before it goes on
	CloseStdin bool          // after Stdin: the child is to end
	Wait       time.Duration // call Wake after it; 0: there is nothing to wait for
	Breaches   []Breach      // only with Options.Strict
}
