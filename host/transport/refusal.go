package transport

import (
	"errors"
	"fmt"
)

// Errors of links. What ends a link for good is a [*Refusal] and matches
// ErrRefused; more than that, it may match ErrStale.
var (
	// ErrRefused: the link has ended for good and what it holds will never
	// arrive. The peer is another incarnation, has forgotten the link, or
	// does not want it. A [*Refusal] says which, and who answered.
	ErrRefused = errors.New("link refused")

	// ErrStale: refused because our assignment is too old. A worker that
	// hears this is probably no longer wanted.
	ErrStale = errors.New("our assignment is too old")

	// ErrEnded: a message was offered to a link that has ended.
	ErrEnded = errors.New("the link has ended")

	// ErrTooLarge: a message is over [Limits.MaxMessage].
	ErrTooLarge = errors.New("the message is too large for the link")
)

// Code says why a link is refused. All are definite, but for CodeLater.
type Code uint16

// The reasons for a refusal.
const (
	CodeLater      Code = 1 // not now: the dialer tries again
	CodeVersion    Code = 2 // no version of the protocol in common
	CodeTopology   Code = 3 // another topology lives there
	CodeWorker     Code = 4 // another worker, or another incarnation of it, lives there
	CodeStale      Code = 5 // the dialer's assignment is too old
	CodeDenied     Code = 6 // the dialer is not who it says, or is not wanted
	CodeForgotten  Code = 7 // the link was up before, and the server knows nothing of it any more
	CodeSuperseded Code = 8 // the dialer has a younger link on the same channel
	CodeProtocol   Code = 9 // a side broke the rules of the protocol
)

var codeNames = map[Code]string{
	CodeLater: "later", CodeVersion: "version", CodeTopology: "topology", CodeWorker: "worker", CodeStale: "stale",
	CodeDenied: "denied", CodeForgotten: "forgotten", CodeSuperseded: "superseded", CodeProtocol: "protocol",
}

// String returns the code's name.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("code %d", uint16(c))
}

// Refusal is why there is no link. [ServerOptions.Accept] returns one to choose the code.
type Refusal struct {
	Code Code
	Text string   // what is wrong and what to do; cut to 1000 bytes on the wire
	From Identity // who refuses; zero when it did not say
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.From.Worker == 0 {
		return fmt.Sprintf("refused (%s): %s", r.Code, r.Text)
	}
	return fmt.Sprintf("refused (%s) by %s: %s", r.Code, r.From, r.Text)
}

// Is matches [ErrRefused] for definite refusals, and [ErrStale].
func (r *Refusal) Is(target error) bool {
	return target == ErrRefused && r.Code != CodeLater || target == ErrStale && r.Code == CodeStale
}

// refusef makes a refusal.
func refusef(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}
