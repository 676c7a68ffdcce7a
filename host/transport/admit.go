package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// maxGreetings bounds the connections that have not said who they are. When one
// more comes, the oldest has to go: an honest one needs milliseconds, so this
// hits those who open connections and say nothing.
const maxGreetings = 256

var errCrowd = fmt.Errorf("it said nothing while %d others came", maxGreetings)

// welcome begins with a connection that has just been accepted.
func (s *Server) welcome(raw net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = raw.Close()
		return
	}
	if len(s.greeting) == maxGreetings {
		_ = s.greeting[0].Close()
		s.greeting = s.greeting[1:]
	}
	s.conns[raw] = true
	s.greeting = append(s.greeting, raw)
	s.wg.Go(func() {
		defer s.remove(raw)
		defer raw.Close()
		in, c, err := s.greet(raw)
		switch {
		case err == nil:
			s.serve(in, c)
		case errors.Is(err, net.ErrClosed):
			s.refuse(errCrowd, raw.RemoteAddr())
		default:
			s.refuse(err, raw.RemoteAddr())
		}
	})
}

// greet hears who is there, decides, and answers.
func (s *Server) greet(raw net.Conn) (*Inbound, *connection, error) {
	if err := raw.SetDeadline(time.Now().Add(s.opts.Limits.Handshake)); err != nil {
		return nil, nil, err
	}
	if err := checkUser(raw); err != nil {
		return nil, nil, err
	}
	conn := raw
	if _, tcp := raw.(*net.TCPConn); tcp && s.opts.TLS != nil {
		conn = tls.Server(raw, s.opts.TLS)
	}
	var h hello
	body, err := readGreeting(conn)
	if err == nil {
		err = h.parse(body)
	}
	c := newConnection(raw, conn, s.opts.Limits.Silence)
	var in *Inbound
	a := answer{from: s.opts.Self()}
	if err == nil {
		in, a.next, err = s.admit(&h, c)
	}
	if err != nil {
		r := (*Refusal)(nil)
		if !errors.As(err, &r) {
			return nil, nil, err // no peer of ours: it gets no answer
		}
		a.code, a.text = r.Code, r.Text
		_, writeErr := conn.Write(a.encode())
		if h.from.Worker != 0 {
			err = fmt.Errorf("%s: %w", h.from, err)
		}
		return nil, nil, errors.Join(err, writeErr)
	}
	_, err = conn.Write(a.encode())
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	if err != nil {
		c.fail(fmt.Errorf("welcome: %w", err)) // a connection that is lost, as it can be at any time
	}
	return in, c, nil
}

// admit finds or makes the link that a hello is about, and gives it the
// connection. next is the message that we wait for. The error is a [*Refusal].
func (s *Server) admit(h *hello, c *connection) (in *Inbound, next uint64, err error) {
	if err := s.meant(h); err != nil {
		return nil, 0, err
	}
	if err := certified(c.conn, h.from); err != nil {
		return nil, 0, refusef(CodeDenied, "%s", err)
	}
	for {
		s.mu.Lock()
		reviews := s.reviews
		s.mu.Unlock()
		if r := s.judge(h.from, h.channel); r != nil {
			return nil, 0, r
		}
		s.mu.Lock()
		if s.reviews == reviews {
			break
		}
		s.mu.Unlock() // the verdict may be out of date
	}
	defer s.mu.Unlock()
	in, err = s.find(h)
	if err != nil {
		return nil, 0, err
	}
	if next, err = in.end.attach(c, h.next); err != nil {
		return nil, 0, err
	}
	in.from.Store(&h.from)
	in.lost = time.Time{}
	s.greeted(c.raw)
	return in, next, nil
}

// meant returns a refusal unless the dialer wants to talk to us.
func (s *Server) meant(h *hello) error {
	self := s.opts.Self()
	switch {
	case h.from.Topology != self.Topology:
		return refusef(CodeTopology, "this is a worker of %q, not of %q", self.Topology, h.from.Topology)
	case h.wantPlace != "" && h.wantPlace != self.Place:
		return refusef(CodeWorker, "this is the worker at %q, not at %q", self.Place, h.wantPlace)
	case h.wantID != 0 && h.wantID != self.Worker:
		return refusef(CodeWorker, "this is worker %016x, not %016x, which has ended", self.Worker, h.wantID)
	}
	return nil
}

// judge asks the policy.
func (s *Server) judge(from Identity, channel uint8) *Refusal {
	if s.opts.Accept == nil {
		return nil
	}
	err := s.opts.Accept(from, channel)
	r := (*Refusal)(nil)
	if err != nil && !errors.As(err, &r) {
		r = refusef(CodeDenied, "%s", err)
	}
	return r
}

// find returns the link that a hello is about. The caller holds mu.
func (s *Server) find(h *hello) (*Inbound, error) {
	key := inboundKey{h.from.Worker, h.channel}
	old := s.inbound[key]
	switch {
	case s.closed:
		return nil, refusef(CodeLater, "this worker is about to end")
	case old != nil && old.link > h.link:
		return nil, refusef(CodeSuperseded, "there is a younger link on channel %d", h.channel)
	case old != nil && old.link == h.link:
		return old, nil
	case h.first != 1 || h.next != 1:
		return nil, refusef(CodeForgotten, "nothing is known any more of the messages before %d", h.first)
	case old == nil && len(s.inbound) >= s.opts.MaxLinks:
		return nil, refusef(CodeLater, "there are %d links already, which is the limit", len(s.inbound))
	}
	in := &Inbound{key: key, link: h.link, done: make(chan struct{})}
	in.from.Store(&h.from)
	var after <-chan struct{}
	if old != nil {
		after = old.done
		s.drop(old, refusef(CodeSuperseded, "there is a younger link on channel %d", h.channel))
	}
	epoch := func() int64 { return s.opts.Self().Epoch }
	in.end.init(s.opts.Limits, epoch, func(m Message) { s.opts.Handler(in, m) }, nil, after)
	s.inbound[key] = in
	return in, nil
}

// serve uses a connection until it fails, and then ends the link or remembers it.
func (s *Server) serve(in *Inbound, c *connection) {
	err := in.end.serve(c)
	r := (*Refusal)(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed, !in.end.uses(c):
	case errors.Is(err, errBye):
		s.drop(in, nil)
	case errors.As(err, &r):
		s.drop(in, err)
		s.log.Warn("link ended", "peer", in.From(), "err", err)
	default:
		in.lost = time.Now()
		s.log.Debug("connection of a link lost", "peer", in.From(), "err", err)
	}
}

// refuse logs a connection that came to nothing.
func (s *Server) refuse(err error, from net.Addr) {
	s.mu.Lock()
	closed := s.closed
	ok, missed := s.refused.note(time.Now())
	s.mu.Unlock()
	if ok && !closed {
		s.log.Warn("link refused", "addr", from.String(), "err", err, "more", missed)
	}
}

// refusalEvery is how often refused connections are logged.
const refusalEvery = 10 * time.Second

// refusals sees to it that the log is not flooded: it is pure.
type refusals struct {
	last   time.Time // zero before the first
	missed int
}

// note tells whether to log, and how many were not logged since the last time.
func (r *refusals) note(now time.Time) (ok bool, missed int) {
	if !r.last.IsZero() && now.Sub(r.last) < refusalEvery {
		r.missed++
		return false, 0
	}
	missed, r.missed, r.last = r.missed, 0, now
	return true, missed
}
