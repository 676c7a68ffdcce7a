package zk

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	zookeeper "github.com/go-zookeeper/zk"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/crash"
)

const (
	// watchesTimeout bounds the wait for the library to set its watches again.
	watchesTimeout = 250 * time.Millisecond

	// prepareRetry is the pause after a failure that does not end the connection.
	prepareRetry = time.Second
)

// onEvent follows the library's state. It is called on the library's own
// goroutine, which reads and writes nothing meanwhile.
func (s *Store) onEvent(event zookeeper.Event) {
	defer crash.Guard() // the library's goroutine
	if event.Type != zookeeper.EventSession {
		return
	}
	switch event.State {
	case zookeeper.StateHasSession:
		s.onSession()
	case zookeeper.StateExpired:
		s.log.Warn("coordinator session expired")
		s.change(func() { s.session.expired() })
	case zookeeper.StateDisconnected:
		s.onDisconnected()
	}
}

// onSession finishes the handshake: the server has granted or confirmed the
// session, and the library has sent nothing else yet.
func (s *Store) onSession() {
	w := s.dial.wire()
	if err := w.finish(s.opts.Credentials, s.watching.Load() > 0); err != nil {
		w.failure = err
		_ = w.Close() // the library notices
		return
	}
	s.mu.Lock()
	fresh := s.session.id != w.granted.sessionID
	s.mu.Unlock()
	if fresh {
		// An embedded coordinator without a folder counts anew in every life.
		s.zxid.Store(0)
	}
	log := s.log.With("server", w.server, "session", fmt.Sprintf("%#x", w.granted.sessionID), "timeout", w.granted.timeout)
	switch {
	case fresh && w.granted.timeout != s.opts.SessionTimeout:
		log.Warn("coordinator granted another session timeout: see minSessionTimeout and maxSessionTimeout of the server",
			"asked", s.opts.SessionTimeout)
	case fresh:
		log.Info("coordinator session begun")
	default:
		log.Info("coordinator connected again")
	}
	s.change(func() { s.session.established(time.Now(), w.granted.sessionID, w.granted.timeout, w.connectSent) })
}

func (s *Store) onDisconnected() {
	s.mu.Lock()
	connected, closed := s.session.connected, s.closed
	s.mu.Unlock()
	if connected && !closed {
		s.log.Warn("coordinator connection lost")
	}
	if w := s.dial.wire(); w != nil && (connected || w.failure != nil) {
		s.dialFailed(w.server, cmp.Or(w.failure, errLost))
	}
	s.change(func() { s.session.disconnected(time.Now()) })
}

// dialFailed notes why there is no connection.
func (s *Store) dialFailed(server string, err error) {
	s.log.Debug("coordinator not reached", "server", server, "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if text := err.Error(); !strings.Contains(text, server) {
		err = fmt.Errorf("%s: %w", server, err)
	}
	s.last = err
}

// heard notes an answer: how far the server has come, and when the request was
// sent.
func (s *Store) heard(zxid int64, sent time.Time) {
	for {
		last := s.zxid.Load()
		if zxid <= last || s.zxid.CompareAndSwap(last, zxid) {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session.answered(sent)
}

// change changes the session and wakes all who wait for that.
func (s *Store) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Store) sessionTimeout() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session.timeout > 0 {
		return s.session.timeout
	}
	return s.opts.SessionTimeout
}

// prepare makes each new connection ready for requests.
func (s *Store) prepare() {
	for {
		s.mu.Lock()
		now, changed := s.session, s.changed
		s.mu.Unlock()
		var retry <-chan time.Time
		if now.connected && !now.ready {
			if err := s.prepareConnection(now); err != nil {
				s.dialFailed(s.conn.Server(), err)
				retry = time.After(prepareRetry)
			} else {
				continue
			}
		}
		select {
		case <-changed:
		case <-retry:
		case <-s.done:
			return
		}
	}
}

func (s *Store) prepareConnection(now session) error {
	w := s.dial.wire()
	if w == nil {
		return errLost
	}
	select {
	case <-w.released:
	case <-time.After(watchesTimeout):
		w.release() // the last watch has fired meanwhile
	case <-s.done:
		return coordinator.ErrClosed
	}
	// A server that greets and then answers nothing more is given up.
	patience := time.AfterFunc(now.timeout*2/3, func() { _ = w.Close() })
	defer patience.Stop()
	if err := s.makeRoot(); err != nil {
		return fmt.Errorf("root %s: %w", s.opts.Root, err)
	}
	// The server may be behind the one we were connected to.
	if _, err := s.conn.Sync(s.opts.Root); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	s.dial.healthy()
	s.change(func() {
		if s.session.connected && s.session.connection == now.connection {
			s.session.opened()
			s.last = nil
		}
	})
	return nil
}

// makeRoot makes the node that all paths begin with.
func (s *Store) makeRoot() error {
	if exists, err := s.exists(s.opts.Root); err != nil || exists {
		return err
	}
	for i, r := range s.opts.Root + "/" {
		if r != '/' || i == 0 {
			continue
		}
		_, err := s.conn.Create(s.opts.Root[:i], nil, 0, s.acl)
		if err != nil && err != zookeeper.ErrNodeExists {
			// Whoever may not create the upper ones may still find them.
			if exists, lookErr := s.exists(s.opts.Root[:i]); lookErr != nil || !exists {
				return translate(err)
			}
		}
	}
	return nil
}

// exists tells whether a node is there. Servers since 3.8.4 and 3.9.2 refuse
// to answer for one that we may not read, which tells it too.
func (s *Store) exists(full string) (bool, error) {
	exists, _, err := s.conn.Exists(full)
	if err == zookeeper.ErrNoAuth {
		return true, nil
	}
	return exists, err
}
