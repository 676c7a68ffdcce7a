package slot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/crash"
)

// Worker is what a server tells of, and does. Its methods may be called concurrently.
type Worker struct {
	Identity Identity
	Figures  func() api.WorkerFigures
	Stop     func() // ends the worker in order; it may be called again
	Log      *slog.Logger
}

// maxConns bounds the connections of a server: a supervisor needs one.
const maxConns = 8

// Server answers on a slot's socket.
type Server struct {
	worker Worker
	l      *net.UnixListener
	asked  atomic.Int64 // nanoseconds since the epoch: when a supervisor last asked

	mu    sync.Mutex
	conns map[*net.UnixConn]bool // guarded by mu
}

// Listen opens the socket. The caller is the one worker that the slot's
// supervisor has started: what is there is what a dead one left.
func Listen(path string, w Worker) (*Server, error) {
	if err := PrepareDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("open the slot's socket: %w", err)
	}
	s := &Server{worker: w, l: l, conns: map[*net.UnixConn]bool{}}
	s.asked.Store(time.Now().UnixNano())
	return s, nil
}

// Asked returns when a supervisor last asked something, or the server was made.
func (s *Server) Asked() time.Time { return time.Unix(0, s.asked.Load()) }

// Run answers until ctx ends. It returns an error when the socket is of no use any more.
func (s *Server) Run(ctx context.Context) error {
	var wg crash.Group
	defer wg.Wait()
	stop := context.AfterFunc(ctx, s.close)
	defer stop()
	defer s.close()
	for {
		conn, err := s.l.AcceptUnix()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the slot's socket: %w", err)
		}
		if !s.admit(conn) {
			conn.Close()
			continue
		}
		wg.Go(func() {
			defer s.forget(conn)
			s.serve(conn)
		})
	}
}

// admit lets the same user in, and not too many at a time.
func (s *Server) admit(conn *net.UnixConn) bool {
	peer, err := peerOf(conn)
	if err != nil || peer.uid != os.Getuid() && peer.uid != 0 {
		s.worker.Log.Warn("stranger refused at the slot's socket", "uid", peer.uid, "err", err)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil || len(s.conns) >= maxConns {
		return false
	}
	s.conns[conn] = true
	return true
}

func (s *Server) forget(conn *net.UnixConn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// close ends the listener, which removes the socket, and all connections.
func (s *Server) close() {
	s.l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
	s.conns = nil
}

func (s *Server) serve(conn *net.UnixConn) {
	w := newWire(conn)
	for {
		var q question
		if err := w.read(&q); err != nil {
			if !errors.Is(err, errHungUp) && !errors.Is(err, net.ErrClosed) {
				s.worker.Log.Warn("slot's socket", "err", err)
			}
			return
		}
		s.asked.Store(time.Now().UnixNano())
		a := answer{Nonce: q.Nonce}
		switch q.Ask {
		case askWho:
			a.Who = &s.worker.Identity
		case askFigures:
			f := s.worker.Figures()
			a.Figures = &f
		case askStop:
			s.worker.Stop()
		default:
			a.Err = fmt.Sprintf("%.40q is no question", q.Ask)
		}
		if err := w.write(a); err != nil {
			return
		}
	}
}
