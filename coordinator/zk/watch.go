package zk

import (
	"context"
	"time"

	zookeeper "github.com/go-zookeeper/zk"

	"github.com/polybolt/polybolt/coordinator"
)

// armRetry is the pause after a watch could not be set on a connection that
// lasts. So a node that may not be read is asked for until it can be.
const armRetry = time.Second

// watcher watches one path for all who asked for it. ZooKeeper has no way to
// take a watch back that every server understands, so a watcher that nobody
// listens to any more waits for the next change of its node, and ends then.
type watcher struct {
	path string        // fixed: on the server
	wake chan struct{} // fixed: capacity one, holds a token when a listener came; never closed

	listeners map[chan struct{}]struct{} // guarded by Store.mu

	// Owned by the loop.
	watches
	arming <-chan armed // holds what an attempt to set the watches came to; nil: none is made
	told   uint64       // the last session.epoch that the listeners know of
}

// watches are what is set on the server for one path.
type watches struct {
	node     <-chan zookeeper.Event // fires at a change of data or existence; nil: not set
	children <-chan zookeeper.Event // fires at a change of the list of children; nil: not set
	parent   bool                   // the node may have children, so both must be set
}

func (w watches) set() bool { return w.node != nil && (!w.parent || w.children != nil) }

// armed is the outcome of an attempt to set watches: those that are set, and
// why not all are.
type armed struct {
	watches
	err error
}

// Watch implements [coordinator.Store]. An abandoned watch costs a goroutine
// and an entry on the server until the node changes once more.
func (s *Store) Watch(ctx context.Context, path string) <-chan struct{} {
	listener := make(chan struct{}, 1)
	listener <- struct{}{}
	if coordinator.CheckPath(path) != nil {
		return listener // whoever reads after the first signal learns what is wrong
	}
	full := s.full(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return listener
	}
	w := s.watchers[full]
	if w == nil {
		w = &watcher{
			path: full, wake: make(chan struct{}, 1),
			listeners: map[chan struct{}]struct{}{}, told: s.session.epoch,
		}
		s.watchers[full] = w
		s.wg.Go(func() { s.watch(w) })
	}
	w.listeners[listener] = struct{}{}
	signal(w.wake)
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(w.listeners, listener)
	})
	return listener
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // a signal is waiting already
	}
}

// watch is a watcher's loop.
func (s *Store) watch(w *watcher) {
	var retry <-chan time.Time
	for {
		s.mu.Lock()
		now, changed, wanted := s.session, s.changed, len(w.listeners) > 0
		if !wanted && w.arming == nil && w.node == nil && w.children == nil {
			delete(s.watchers, w.path)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if now.epoch != w.told {
			w.told = now.epoch
			s.tell(w)
		}
		// Watches that are set already are the library's to renew after a reconnect.
		if wanted && now.ready && w.arming == nil && retry == nil && !w.set() {
			w.arming = s.arm(w.path, w.watches)
		}
		node, children := w.node, w.children
		if w.arming != nil {
			node, children = nil, nil // the attempt owns them until it is over
		}
		select {
		case <-node:
			w.node = nil
			s.watching.Add(-1)
		case <-children:
			w.children = nil
			s.watching.Add(-1)
		case result := <-w.arming:
			w.arming, w.watches = nil, result.watches
			if result.err != nil {
				s.log.Debug("coordinator watch not set", "path", w.path, "err", result.err)
				retry = time.After(armRetry)
				break
			}
			// Only now: so no change goes unnoticed between the listener's
			// look and the watch.
			s.tell(w)
		case <-changed:
			retry = nil
		case <-w.wake:
		case <-retry:
			retry = nil
		case <-s.done:
			return
		}
	}
}

func (s *Store) tell(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for listener := range w.listeners {
		signal(listener)
	}
}

// arm sets those watches of a path that are not set. Beside the loop: the
// library may keep the request until there is another connection.
func (s *Store) arm(path string, have watches) <-chan armed {
	result := make(chan armed, 1)
	if !s.start(func() { result <- s.armNow(path, have) }) {
		result <- armed{have, coordinator.ErrClosed}
	}
	return result
}

// armNow sets two watches on a node that exists, one on a missing one or on an
// ephemeral, which has no children.
func (s *Store) armNow(path string, have watches) armed {
	if have.node == nil {
		// Counted before, so that whoever looks at the count never misses one.
		s.watching.Add(1)
		exists, stat, events, err := s.conn.ExistsW(path)
		if err != nil {
			s.watching.Add(-1)
			return armed{have, err}
		}
		have.node = events
		have.parent = exists && stat.EphemeralOwner == 0
	}
	if have.parent && have.children == nil {
		s.watching.Add(1)
		_, _, events, err := s.conn.ChildrenW(path)
		if err == nil {
			have.children = events
			return armed{have, nil}
		}
		s.watching.Add(-1)
		if err != zookeeper.ErrNoNode && err != zookeeper.ErrNoAuth {
			return armed{have, err}
		}
		// Deleted meanwhile: the other watch has fired. Or we may not read
		// it: then the other one is all there is.
		have.parent = false
	}
	return armed{have, nil}
}
