package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// unixPrefix marks the address of a Unix socket.
const unixPrefix = "unix:"

// dialFunc connects to an address. The two results are the connection of the
// operating system, and what to talk over.
type dialFunc func(ctx context.Context, addr string) (raw, conn net.Conn, err error)

// errPlain is what a side says that would have to talk in the clear.
var errPlain = errors.New("it is not on loopback and there are no keys for TLS: links leave a machine only encrypted")

// dialer returns how links with that configuration connect.
func dialer(config *tls.Config) dialFunc {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: false}} // there are pings
	return func(ctx context.Context, addr string) (raw, conn net.Conn, err error) {
		if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
			raw, err = d.DialContext(ctx, "unix", path)
			if err == nil {
				err = checkUser(raw)
			}
			return raw, raw, err
		}
		raw, err = d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		if config == nil {
			if !loopback(raw.RemoteAddr()) {
				err = errPlain
			}
			return raw, raw, err
		}
		return raw, tls.Client(raw, config), nil
	}
}

// loopback tells whether a connection or listener at that address never leaves the machine.
func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// connect makes a connection to the first address where the peer lives. The
// last address decides what the error is.
func (l *Link) connect(ctx context.Context) (c *connection, err error) {
	err = errors.New("the peer has no address")
	for _, addr := range l.opts.Peer.Addrs {
		c, err = l.connectTo(ctx, addr)
		if err == nil {
			return c, nil
		}
		err = fmt.Errorf("%s: %w", addr, err)
		if errors.Is(err, ErrStale) || ctx.Err() != nil {
			break // whoever says so knows us
		}
	}
	return nil, err
}

// connectTo makes a connection to one address.
func (l *Link) connectTo(ctx context.Context, addr string) (*connection, error) {
	limit := l.opts.Limits.Handshake
	dialing, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	raw, conn, err := l.dial(dialing, addr)
	if raw == nil {
		return nil, err
	}
	if err == nil {
		err = raw.SetDeadline(time.Now().Add(limit))
	}
	var c *connection
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
		defer stop()
		c, err = l.greet(raw, conn)
	}
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

// greet says hello and hears the answer.
func (l *Link) greet(raw, conn net.Conn) (*connection, error) {
	self := l.opts.Self()
	if err := self.validate(); err != nil {
		return nil, err
	}
	l.end.mu.Lock()
	h := hello{
		channel: l.opts.Channel, link: l.number, first: l.end.out.acked + 1, next: l.end.taken + 1,
		from: self, wantID: l.wanted(), wantPlace: l.opts.Peer.Place,
	}
	l.end.mu.Unlock()
	if _, err := conn.Write(h.encode()); err != nil {
		return nil, fmt.Errorf("say hello: %w", err)
	}
	body, err := readGreeting(conn)
	if err != nil {
		return nil, fmt.Errorf("hear the answer: %w", err)
	}
	var a answer
	if err := a.parse(body); err != nil {
		return nil, err
	}
	if a.code != 0 {
		return nil, a.refusal()
	}
	if err := l.check(&a, self, conn); err != nil {
		return nil, err
	}
	c := newConnection(raw, conn, l.opts.Limits.Silence)
	if _, err := l.end.attach(c, a.next); err != nil {
		return nil, err
	}
	l.peer.Store(&a.from)
	return c, nil
}

// wanted returns the incarnation that the link leads to, 0 while any will do.
func (l *Link) wanted() uint64 {
	if p, ok := l.Peer(); ok {
		return p.Worker
	}
	return l.opts.Peer.Worker
}

// check returns an error unless the one who answered is the one we mean.
func (l *Link) check(a *answer, self Identity, conn net.Conn) error {
	want, wantPlace := l.wanted(), l.opts.Peer.Place
	switch {
	case a.from.Topology != self.Topology:
		return &Refusal{CodeTopology, "another topology answered", a.from}
	case want != 0 && a.from.Worker != want, wantPlace != "" && a.from.Place != wantPlace:
		return &Refusal{CodeWorker, "another worker answered", a.from}
	}
	return certified(conn, a.from)
}
