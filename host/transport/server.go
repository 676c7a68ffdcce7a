package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/crash"
)

// ServerOptions say where a server listens and whom it tells. Self, Listen, Handler and Log are needed.
type ServerOptions struct {
	// Self returns who we are. It is called for every message back and every
	// connection, from any goroutine; only the epoch may change.
	Self func() Identity

	// Listen are the addresses, "host:port" (port 0: any that is free) or
	// "unix:/path". The folder of a socket is made if it is missing, and must
	// belong to this user alone; a socket that is there is replaced.
	Listen []string

	// TLS is the configuration for TCP addresses, see [CA.Config]. Without it
	// only loopback addresses are allowed. Unix sockets do not use it.
	TLS *tls.Config

	// Control is that of the [net.ListenConfig] for TCP addresses. Nil is allowed.
	Control func(network, address string, c syscall.RawConn) error

	// Accept says whether a worker of our topology may have a link to us: nil,
	// or an error, whose code is [CodeDenied] unless it is a [*Refusal]. It is asked
	// for every connection and by [Server.Review], from any goroutine. An
	// epoch that is older than ours is no reason alone: the worker may be about
	// to learn of the new one. Nil accepts everyone.
	Accept func(from Identity, channel uint8) error

	// Handler gets the messages of each link in order, one at a time; those of
	// different links concurrently. A message is acknowledged when it has
	// returned. It may block, and its link's sender goes on collecting.
	Handler func(in *Inbound, m Message)

	// Ended is told when a link has ended: with nil by its sender, in order;
	// or with the reason. The handler is not called for it again, and, if the
	// same worker has a younger link on the channel, not yet for that one.
	// It is not called for what ends with Run. Nil is allowed.
	Ended func(in *Inbound, err error)

	// MaxLinks bounds the links that are remembered, connected or not. 0 means 4096.
	MaxLinks int

	// Keep is for how long a link without a connection is remembered. 0 means 10 minutes.
	Keep time.Duration

	Limits Limits
	Log    *slog.Logger
}

// Server takes the links that lead to us. All methods may be called concurrently.
type Server struct {
	// fixed at construction
	opts      ServerOptions
	listeners []net.Listener
	log       *slog.Logger

	wg crash.Group

	mu       sync.Mutex
	inbound  map[inboundKey]*Inbound // guarded by mu
	conns    map[net.Conn]bool       // guarded by mu: all that are open
	greeting []net.Conn              // guarded by mu: those of conns in their handshake, oldest first
	reviews  int                     // guarded by mu: counts the calls of Review
	closed   bool                    // guarded by mu
	refused  refusals                // guarded by mu
}

// Listen opens the addresses. Nothing is accepted before Run, and only Run
// closes them: call it even if its context has ended already.
func Listen(o ServerOptions) (*Server, error) {
	o.Limits = o.Limits.withDefaults()
	if o.MaxLinks == 0 {
		o.MaxLinks = 4096
	}
	if o.Keep == 0 {
		o.Keep = 10 * time.Minute
	}
	if err := o.Self().validate(); err != nil {
		return nil, err
	}
	s := &Server{opts: o, log: o.Log, inbound: map[inboundKey]*Inbound{}, conns: map[net.Conn]bool{}}
	for _, addr := range o.Listen {
		l, err := o.listen(addr)
		if err != nil {
			for _, open := range s.listeners {
				err = errors.Join(err, open.Close())
			}
			return nil, fmt.Errorf("listen for links: %w", err)
		}
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

// Addrs returns where the server listens, in the order of [ServerOptions].Listen and the form of [Peer].Addrs.
func (s *Server) Addrs() []string {
	var addrs []string
	for _, l := range s.listeners {
		addr := l.Addr().String()
		if l.Addr().Network() == "unix" {
			addr = unixPrefix + addr
		}
		addrs = append(addrs, addr)
	}
	return addrs
}

// Run takes links until ctx ends; then it returns nil once every goroutine and
// handler has. It may be called once. The error says that an address is lost.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, l := range s.listeners {
		s.wg.Go(func() {
			if err := s.accept(ctx, l); err != nil {
				cancel(err)
			}
		})
	}
	s.wg.Go(func() { s.sweep(ctx) }) // the last to see that ctx has ended, so wg may be added to until closed is set
	s.wg.Wait()
	if err := context.Cause(ctx); errors.Is(err, errLost) {
		return err
	}
	return nil
}

// errLost: a listener does not work any more.
var errLost = errors.New("the address for links is lost")

// acceptPause is how long a listener rests that is out of descriptors.
const acceptPause = 100 * time.Millisecond

func (s *Server) accept(ctx context.Context, l net.Listener) error {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			s.welcome(conn)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("%w: %w", errLost, err)
		default:
			s.refuse(err, l.Addr())
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
		}
	}
}

// sweep forgets links without a connection, and ends everything when ctx ends.
func (s *Server) sweep(ctx context.Context) {
	ticker := time.NewTicker(s.opts.Keep / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.forget(func(in *Inbound) error {
				if !in.lost.IsZero() && time.Since(in.lost) >= s.opts.Keep {
					return refusef(CodeForgotten, "there was no connection for %v", s.opts.Keep)
				}
				return nil
			})
		case <-ctx.Done():
			s.close()
			return
		}
	}
}

func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range s.listeners {
		if err := l.Close(); err != nil {
			s.log.Warn("close the address for links", "err", err)
		}
	}
	for conn := range s.conns {
		_ = conn.Close() // its goroutine finds out
	}
	for _, in := range s.inbound {
		in.end.stop(ErrEnded)
	}
}

// Review asks [ServerOptions].Accept again about every link, and ends those
// that it does not want any more. It is for when what Accept says has changed.
func (s *Server) Review() {
	s.mu.Lock()
	s.reviews++
	all := make([]*Inbound, 0, len(s.inbound))
	for _, in := range s.inbound {
		all = append(all, in)
	}
	s.mu.Unlock()
	verdicts := map[*Inbound]error{}
	for _, in := range all {
		if r := s.judge(in.From(), in.key.channel); r != nil {
			verdicts[in] = r
		}
	}
	s.forget(func(in *Inbound) error { return verdicts[in] })
}

// Forget ends the links of a worker that is known to be dead.
func (s *Server) Forget(worker uint64) {
	s.forget(func(in *Inbound) error {
		if in.key.worker == worker {
			return refusef(CodeForgotten, "worker %016x is taken for dead", worker)
		}
		return nil
	})
}

// forget ends the links for which why, called with mu held, returns an error.
func (s *Server) forget(why func(*Inbound) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.inbound {
		if err := why(in); err != nil {
			s.drop(in, err)
		}
	}
}

// drop ends a link; nil says that its sender did. The caller holds mu.
func (s *Server) drop(in *Inbound, why error) {
	if s.closed || s.inbound[in.key] != in {
		return
	}
	delete(s.inbound, in.key)
	cause := why
	if cause == nil {
		cause = errBye
	}
	in.end.finish(cause)
	s.wg.Go(func() {
		<-in.end.after
		in.end.reader <- struct{}{} // now the handler has returned, and nobody calls it again
		if s.opts.Ended != nil {
			s.opts.Ended(in, why)
		}
		<-in.end.reader
		close(in.done)
	})
}

// remove takes a connection off the list.
func (s *Server) remove(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	s.greeted(conn)
}

// greeted takes a connection off the list of handshakes. The caller holds mu.
func (s *Server) greeted(conn net.Conn) {
	if i := slices.Index(s.greeting, conn); i >= 0 {
		s.greeting = slices.Delete(s.greeting, i, i+1)
	}
}
