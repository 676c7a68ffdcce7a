// Package judge says whether a program speaks the protocol: it plays the host's
// side of a transcript (testdata/transcripts) against a process and compares
// what comes back, not byte by byte but by what it means: which rows were
// covered, acked, held or failed, and what was emitted, on which stream, anchored
// to what, in which order. A program may cut its replies as it likes.
//
// Whatever is played, every message is also held against the rules of
// PROTOCOL.md ([Rules]). The first thing that is wrong ends the conversation and
// is a [Fault]: the rule with its sentence, and the frame that broke it. A program
// that was written for Storm is spoken to through package storm's adapter
// ([Options].Storm), and held against STORM.md ([StormRules]).
//
// The package starts no process itself and never sleeps: a [Start] does the one,
// every wait has a deadline.
package judge

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// Start starts the program that plays a component of the transcripts (such as
// "split"), and makes it speak a level if it has the choice. It returns
// [ErrUnknown], wrapped or not, if it has no such component: then the transcript
// is skipped.
type Start func(component string, level multilang.Level, h Handlers) (Process, error)

// Handlers take what a process does. They may be called from any goroutine, one
// at a time each; Exited comes once, after all others. They do not keep b.
type Handlers struct {
	Output func(b []byte)             // what it wrote on stdout
	Stderr func(b []byte)             // what it wrote on stderr
	Exited func(code int, how string) // how is for people; code is -1 after a signal
}

// Process is a program that was started. Its methods may be called after its end.
type Process interface {
	Write(b []byte) // to its stdin; does not wait, does not keep b; what nobody reads is lost
	CloseInput()    // ends its stdin after what was written
	Kill()          // ends it, if it has not ended
}

// Options of [Play]. The zero value is ready to use.
type Options struct {
	// Patience is how long the program may take over one step; 0 means 10 s.
	Patience time.Duration

	// Startup is how long it may take until its hello and until its ready; 0
	// means Patience.
	Startup time.Duration

	// Scratch is the folder that the program is told to be its own.
	Scratch string

	// Storm is set for a program that was written for Storm; nil for one that
	// speaks PROTOCOL.md. What such a one does wrong is a sentence of STORM.md.
	Storm *Storm
}

func (o Options) withDefaults() Options {
	o.Patience = cmp.Or(o.Patience, 10*time.Second)
	o.Startup = cmp.Or(o.Startup, o.Patience)
	return o
}

// Verdict is how a conversation ended.
type Verdict uint8

// The verdicts.
const (
	Passed Verdict = iota
	Failed
	Skipped
)

// String returns pass, FAIL or skip.
func (v Verdict) String() string { return [...]string{"pass", "FAIL", "skip"}[v] }

// Result is what one transcript has shown.
type Result struct {
	Transcript string
	Level      multilang.Level
	Verdict    Verdict
	Why        string       // of Skipped
	Steps      []StepResult // those that were played, the handshake first
	Fault      *Fault       // of Failed
	Stderr     string       // the end of what the program printed, log lines included
}

// StepResult is one step of a conversation.
type StepResult struct {
	Step string // what was sent or expected
	OK   bool
	Took time.Duration
}

// Fault is what a program did wrong.
type Fault struct {
	Rule    Rule
	Step    int    // index into Steps
	What    string // what was wrong, with what was wanted
	Frame   []byte // the message that was wrong, without its length; empty when none came
	Decoded string // the same, for people
}

// Probe starts a program and returns its hello; it has ended then. The result's
// fault says what came instead. The error is as of [Play], or [ErrUnknown].
func Probe(ctx context.Context, component string, level multilang.Level, start Start, o Options) (*multilang.Hello, Result, error) {
	p := newPlayer(&Transcript{Name: "hello", Component: component}, level, o)
	r, err := p.play(ctx, start)
	if err == nil && r.Verdict == Skipped {
		err = fmt.Errorf("%w: %s", ErrUnknown, r.Why)
	}
	return p.hello, r, err
}

// Play plays a transcript against a program and returns what came of it; the
// program has ended then. An error means that nothing can be said: it could not
// be started, or ctx has ended. Conversations may be played concurrently.
func Play(ctx context.Context, t *Transcript, level multilang.Level, start Start, o Options) (Result, error) {
	p := newPlayer(t, level, o)
	if !t.speaks(level) {
		return p.skip("not for level " + level.String()), nil
	}
	if why := t.forStorm(); o.Storm != nil && why != "" {
		return p.skip(why), nil
	}
	if o.Storm == nil && t.onlyStorm {
		return p.skip("only for components written for Storm"), nil
	}
	return p.play(ctx, start)
}
