package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"
)

// LinkOptions say what a link joins and whom it tells. Self, Peer and Log are needed.
type LinkOptions struct {
	// Self returns who we are. It is called for every message and attempt to
	// connect, from any goroutine; only the epoch may change.
	Self func() Identity

	Peer Peer

	// Channel tells apart the links from one worker to another. They are
	// independent: what is small and urgent need not wait behind what is not.
	Channel uint8

	// TLS is the configuration for TCP addresses, see [CA.Config]. Without it
	// only loopback addresses are dialled. Unix sockets do not use it.
	TLS *tls.Config

	// Handler gets the messages that come back, in order, one at a time. While
	// it blocks, acknowledgements wait too, and Run cannot return. Nil drops them.
	Handler func(Message)

	// State is told when a connection is made, with a nil error, and with the
	// reason when it is lost or could not be made, at every attempt. It is
	// called by Run and must not block. Nil is allowed.
	State func(up bool, err error)

	// Acked is told after messages were acknowledged, on the goroutine that
	// calls Handler. It must not block. Nil is allowed.
	Acked func()

	Limits Limits
	Log    *slog.Logger
}

// Link carries messages to one incarnation of a worker. All methods may be
// called concurrently.
type Link struct {
	// fixed at construction
	opts   LinkOptions
	number uint64 // among the links of this process
	dial   dialFunc
	end    endpoint
	log    *slog.Logger

	peer atomic.Pointer[Identity] // as it last said; nil before
}

// links numbers the links of this process.
var links atomic.Uint64

// NewLink makes a link. It starts nothing, but messages may be sent at once. A
// younger link on the same channel to the same peer replaces an older one.
func NewLink(o LinkOptions) *Link {
	o.Limits = o.Limits.withDefaults()
	l := &Link{opts: o, number: links.Add(1), dial: dialer(o.TLS)}
	l.log = o.Log.With("peer", fmt.Sprintf("%016x", o.Peer.Worker), "place", o.Peer.Place, "channel", o.Channel)
	handle := o.Handler
	if handle == nil {
		handle = func(Message) {}
	}
	l.end.init(o.Limits, func() int64 { return o.Self().Epoch }, handle, o.Acked, nil)
	return l
}

// Send queues a message: its parts, one after the other, which are copied. It
// never blocks, and messages arrive in the order in which Send was called. The
// error is [ErrTooLarge], or [ErrEnded] when the link has ended; then the
// message is not among those that [Link.Undelivered] returns.
func (l *Link) Send(typ byte, parts ...[]byte) error { return l.end.send(typ, parts) }

// Unacked returns how much was sent and not acknowledged: bytes, with 32 more
// for each message, and messages. What is acknowledged has been handled.
func (l *Link) Unacked() (bytes int, messages uint64) { return l.end.unacked() }

// Flush waits until everything is acknowledged. It returns an error when ctx or the link ends first.
func (l *Link) Flush(ctx context.Context) error { return l.end.flush(ctx) }

// Peer returns who answered when the link last came up; false before.
func (l *Link) Peer() (Identity, bool) {
	if p := l.peer.Load(); p != nil {
		return *p, true
	}
	return Identity{}, false
}

// Undelivered returns the messages that were sent and never acknowledged, in
// order; each may have been handled all the same. It is for when Run has
// returned. The bodies stay valid.
func (l *Link) Undelivered() iter.Seq[Message] {
	return func(yield func(Message) bool) {
		l.end.mu.Lock()
		defer l.end.mu.Unlock()
		l.end.out.messages(yield)
	}
}

// Run keeps the link up. It returns when ctx ends, with its cause; the peer gets
// what was sent until then, and is told, if there is a connection and it can be
// done within a second. Or it returns when the link can never come
// up again, with an error that matches [ErrRefused]. The link has ended then.
// Run may be called once.
func (l *Link) Run(ctx context.Context) error {
	err := l.run(ctx)
	l.end.stop(err)
	if _, n := l.end.unacked(); n > 0 || errors.Is(err, ErrRefused) {
		l.log.Info("link ended", "unacknowledged", n, "err", err)
	}
	return err
}

func (l *Link) run(ctx context.Context) error {
	pause := backoff{first: l.opts.Limits.Backoff, longest: l.opts.Limits.MaxBackoff}
	var trouble outage
	for {
		began := time.Now()
		c, err := l.connect(ctx)
		if err == nil {
			trouble.over(l.log)
			l.tell(true, nil)
			began = time.Now()
			err = l.serve(ctx, c)
		}
		l.tell(false, err)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, ErrRefused) {
			return err
		}
		trouble.note(l.log, time.Now(), err)
		if time.Since(began) > l.opts.Limits.MaxBackoff && c != nil {
			pause.reset()
		}
		select {
		case <-time.After(pause.next(random())):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// serve uses a connection until it fails or ctx ends; then the peer hears of it.
func (l *Link) serve(ctx context.Context, c *connection) error {
	stop := context.AfterFunc(ctx, func() { l.end.leave(c, byeFrame(), context.Cause(ctx)) })
	defer stop()
	err := l.end.serve(c)
	if r := (*Refusal)(nil); errors.As(err, &r) && r.From.Worker == 0 {
		r.From, _ = l.Peer()
	}
	return err
}

func (l *Link) tell(up bool, err error) {
	if l.opts.State != nil {
		l.opts.State(up, err)
	}
}

// outageReminder is how often a link that stays down is logged.
const outageReminder = 30 * time.Second

// outage is a time without a connection. It sees to it that one is logged once.
type outage struct {
	since, logged time.Time // zero while there is none
	attempts      int
}

func (o *outage) note(log *slog.Logger, now time.Time, err error) {
	o.attempts++
	if o.since.IsZero() {
		o.since = now
	}
	if o.logged.IsZero() || now.Sub(o.logged) >= outageReminder {
		o.logged = now
		log.Warn("link down", "attempts", o.attempts, "err", err)
	}
}

func (o *outage) over(log *slog.Logger) {
	if !o.since.IsZero() {
		log.Info("link up again", "attempts", o.attempts, "down", time.Since(o.since).Round(time.Millisecond))
	}
	*o = outage{}
}
