// Package embedded is a coordinator in the process: a server of that part of
// ZooKeeper's wire protocol which coordinator/zk uses, on a Unix socket or on
// loopback. "run" and "dev" need no service with it and take the same path as
// a cluster.
//
// It keeps ZooKeeper's promises for one server: changes are atomic, in one
// order, and safe on disk before anybody learns of them; sessions survive a
// restart within their timeout; ACLs are enforced. It has no sequences,
// containers, quotas, SASL, TLS or replicas: beyond one machine there is
// ZooKeeper.
//
// Clients are not trusted with more than their ACLs: their input is checked,
// what they can make the server hold is bounded, and one that stalls stalls
// nobody else.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/coordinator/embedded/tree"
	"github.com/polybolt/polybolt/host/crash"
)

// Server is an embedded coordinator. Make it with [New], then call Run once.
type Server struct {
	// fixed at construction
	opts  Options
	log   *slog.Logger
	ready chan struct{} // closed by Run when clients can connect

	addr string // written before ready is closed

	mu    sync.Mutex
	conns map[*conn]struct{} // guarded by mu
	last  int64              // guarded by mu: the last connection's id
	over  bool               // guarded by mu: no more connections
}

// New returns a server that does nothing yet. An error means that the options
// are invalid.
func New(opts Options) (*Server, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("embedded coordinator: %w", err)
	}
	s := &Server{opts: opts, log: opts.Logger, ready: make(chan struct{}), conns: map[*conn]struct{}{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// Ready is closed when clients can connect.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr returns where clients connect, as zk.Options.Servers takes it:
// "unix:/path" or "host:port". It is valid once Ready is closed.
func (s *Server) Addr() string { return s.addr }

// Run serves until ctx ends, and returns nil then, or until the data can no
// longer be kept. It must be called once only.
func (s *Server) Run(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("embedded coordinator: %w", err)
		}
	}()
	state, keep := tree.New(s.opts.MaxBytes), (*journal)(nil)
	if s.opts.Dir != "" {
		folder, err := openFolder(s.opts.Dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, folder.close()) }()
		if keep, state, err = recoverJournal(folder, s.opts.MaxBytes); err != nil {
			return fmt.Errorf("data folder %s: %w", s.opts.Dir, err)
		}
		defer func() { err = errors.Join(err, keep.close()) }()
	}
	listener, err := s.listen()
	if err != nil {
		return err
	}
	l := newLoop(s, state, keep)
	var wg crash.Group
	stopped := make(chan struct{})
	wg.Go(func() { s.accept(listener, l.inputs, stopped, &wg) })
	close(s.ready)

	err = l.run(ctx)
	close(stopped)
	_ = listener.Close() // nothing more can be lost by it
	s.closeAll()
	wg.Wait()
	return err
}

// listen also makes sure that a socket of a server that is no more is not in
// the way.
func (s *Server) listen() (net.Listener, error) {
	network, address, err := splitAddress(s.opts.Address)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen(network, address)
	if network == "unix" && errors.Is(err, syscall.EADDRINUSE) && abandoned(address) {
		if err := os.Remove(address); err != nil {
			return nil, err
		}
		listener, err = net.Listen(network, address)
	}
	if err != nil {
		return nil, err
	}
	s.addr = listener.Addr().String()
	if network == "unix" {
		s.addr = unixPrefix + address
		if err := os.Chmod(address, 0o600); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	return listener, nil
}

// abandoned tells whether nobody listens on a socket.
func abandoned(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func (s *Server) accept(listener net.Listener, inputs chan<- input, stopped <-chan struct{}, wg *crash.Group) {
	for {
		nc, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of descriptors, for instance: it may pass.
			s.log.Warn("coordinator cannot accept", "err", err)
			select {
			case <-stopped:
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		c := s.admit(nc)
		if c == nil {
			_ = nc.Close()
			continue
		}
		wg.Go(func() { c.write(stopped) })
		wg.Go(func() {
			err := c.read(inputs, stopped)
			s.log.Debug("coordinator client gone", "conn", c.id, "err", err)
			select {
			case inputs <- input{conn: c}:
			case <-stopped:
			}
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

// admit returns a new connection, or nil when there are too many.
func (s *Server) admit(nc net.Conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil
	}
	if len(s.conns) >= s.opts.MaxConnections {
		s.log.Warn("coordinator refuses a client: too many are connected", "limit", s.opts.MaxConnections)
		return nil
	}
	s.last++
	c := newConn(s.last, nc)
	s.conns[c] = struct{}{}
	return c
}

func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for c := range s.conns {
		_ = c.net.Close()
	}
}

func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
