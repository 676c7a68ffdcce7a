package transport

import (
	"cmp"
	"time"
)

// Limits bound what a link costs and how long it waits. A zero field means its
// default, the value in [DefaultLimits].
type Limits struct {
	// MaxMessage bounds a message, in bytes. Both ends must agree.
	MaxMessage int

	// Ping is after how long without anything to write a frame is written to
	// show that the connection lives; twice that at the latest.
	Ping time.Duration

	// Silence is after how long without a byte a connection is given up: some
	// times the Ping of the far side.
	Silence time.Duration

	// Handshake bounds a connection's beginning, TLS and hello together;
	// connecting itself gets as long again.
	Handshake time.Duration

	// AckBytes is how much is received before it is acknowledged at once;
	// less is acknowledged after AckDelay, or by any message that goes back.
	AckBytes int
	AckDelay time.Duration

	// Backoff is the pause before the first attempt to dial again, doubled up to
	// MaxBackoff; each pause is a random 50 to 100 % of that.
	Backoff, MaxBackoff time.Duration
}

// DefaultLimits are what links use unless told otherwise.
var DefaultLimits = Limits{
	MaxMessage: 32 << 20,
	Ping:       time.Second,
	Silence:    5 * time.Second,
	Handshake:  5 * time.Second,
	AckBytes:   128 << 10,
	AckDelay:   10 * time.Millisecond,
	Backoff:    10 * time.Millisecond,
	MaxBackoff: 500 * time.Millisecond,
}

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	return Limits{
		MaxMessage: cmp.Or(l.MaxMessage, d.MaxMessage),
		Ping:       cmp.Or(l.Ping, d.Ping),
		Silence:    cmp.Or(l.Silence, d.Silence),
		Handshake:  cmp.Or(l.Handshake, d.Handshake),
		AckBytes:   cmp.Or(l.AckBytes, d.AckBytes),
		AckDelay:   cmp.Or(l.AckDelay, d.AckDelay),
		Backoff:    cmp.Or(l.Backoff, d.Backoff),
		MaxBackoff: cmp.Or(l.MaxBackoff, d.MaxBackoff),
	}
}
