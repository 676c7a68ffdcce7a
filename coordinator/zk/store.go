// Package zk is the coordinator's only client: a [coordinator.Store] over
// github.com/go-zookeeper/zk. It talks to a ZooKeeper ensemble or to
// coordinator/embedded.
//
// It adds what the library lacks, because each absence has hurt somebody: a
// bounded handshake, calls that end with their context, a clock that tells
// when the session may have expired, an answer to "did my change happen?"
// after a broken connection, watches that are not lost, members that do not
// resolve, and a limit on the size of requests.
//
// After a reconnect nothing is sent before the watches of the old connection
// are set again and the new server has caught up with the leader.
package zk

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	zookeeper "github.com/go-zookeeper/zk"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/crash"
)

var _ coordinator.Store = (*Store)(nil)

const (
	// maxCalls bounds the requests in progress; more calls wait.
	maxCalls = 128

	// maxReply bounds what a server may send at once, a list of children for instance.
	maxReply = 64 << 20

	// closeTimeout bounds Close when the library does not end by itself.
	closeTimeout = 5 * time.Second
)

// Store is a session with a ZooKeeper ensemble. When the session expires it
// begins a new one: the Store lives until Close.
type Store struct {
	// fixed at construction
	opts  Options
	log   *slog.Logger
	acl   []zookeeper.ACL
	conn  *zookeeper.Conn
	dial  *dialer
	ended <-chan zookeeper.Event // closed when the library has ended
	done  chan struct{}          // closed by Close
	calls chan struct{}          // holds a token for each request in progress
	wg    crash.Group            // all goroutines but the library's

	zxid     atomic.Int64 // the latest transaction that an answer has told
	watching atomic.Int64 // watches that the library may hold

	mu       sync.Mutex
	session  session             // guarded by mu
	changed  chan struct{}       // guarded by mu: closed and replaced when session changes
	watchers map[string]*watcher // guarded by mu: by full path
	last     error               // guarded by mu: why there is no connection
	closed   bool                // guarded by mu
}

// Open begins a session and returns at once; the calls wait for it. An error
// means that the options are invalid. The caller must call Close.
func Open(opts Options) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("open coordinator: %w", err)
	}
	acl, err := zkACL(opts.ACL)
	if err != nil {
		return nil, err
	}
	s := &Store{
		opts: opts, log: opts.Logger, acl: acl,
		done: make(chan struct{}), calls: make(chan struct{}, maxCalls),
		changed: make(chan struct{}), watchers: map[string]*watcher{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.dial = &dialer{
		servers: slices.Clone(opts.Servers), tls: opts.TLS, done: s.done,
		timeout: s.sessionTimeout, heard: s.heard, failed: s.dialFailed,
	}
	rand.Shuffle(len(s.dial.servers), func(i, j int) {
		s.dial.servers[i], s.dial.servers[j] = s.dial.servers[j], s.dial.servers[i]
	})
	// The event channel drops what does not fit; the callback does not.
	s.conn, s.ended, err = zookeeper.Connect(opts.Servers, opts.SessionTimeout,
		zookeeper.WithDialer(s.dial.dial), zookeeper.WithHostProvider(s.dial),
		zookeeper.WithEventCallback(s.onEvent), zookeeper.WithLogger(libraryLog{s.log}), zookeeper.WithLogInfo(false),
		zookeeper.WithMaxBufferSize(maxReply), zookeeper.WithMaxConnBufferSize(coordinator.MaxPacket+4096))
	if err != nil {
		return nil, fmt.Errorf("open coordinator: %w", err)
	}
	s.wg.Go(s.prepare)
	return s, nil
}

// libraryLog takes the library's lines, which tell in other words what the
// store logs itself.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(format string, args ...any) {
	l.log.Debug("zookeeper client", "text", fmt.Sprintf(format, args...))
}

// Session implements [coordinator.Store].
func (s *Store) Session() coordinator.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.session.snapshot(time.Now())
	if now.Connected {
		now.Server = s.conn.Server()
	} else {
		now.Err = s.last
	}
	return now
}

// Get implements [coordinator.Store].
func (s *Store) Get(ctx context.Context, name string) (coordinator.Node, error) {
	var node coordinator.Node
	err := s.read(ctx, "get", name, func(full string) error {
		data, stat, err := s.conn.Get(full)
		if err == nil {
			node = coordinator.Node{Data: data, Version: stat.Version, Ephemeral: stat.EphemeralOwner, Created: stat.Czxid}
		}
		return err
	})
	if err != nil {
		return coordinator.Node{}, err
	}
	return node, nil
}

// Children implements [coordinator.Store].
func (s *Store) Children(ctx context.Context, name string) ([]string, error) {
	var names []string
	err := s.read(ctx, "list", name, func(full string) error {
		var err error
		names, _, err = s.conn.Children(full)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// read asks until there is an answer or the time is over: a read may be
// repeated.
func (s *Store) read(ctx context.Context, verb, name string, ask func(full string) error) error {
	if err := coordinator.CheckPath(name); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	var after uint64
	for {
		connection, err := s.request(ctx, after, func() error { return ask(s.full(name)) })
		switch {
		case err == nil && s.stillOn(connection):
			return nil
		case err == nil, again(err):
			after = connection
		default:
			return fmt.Errorf("%s %s: %w", verb, name, err)
		}
	}
}

// stillOn tells whether a connection is still the present one. A request can be
// caught between two; then the answer comes from a server that may not have
// caught up yet.
func (s *Store) stillOn(connection uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session.connection == connection
}

func (s *Store) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.opts.RequestTimeout, errTimeout)
}

// full returns the path on the server.
func (s *Store) full(name string) string { return path.Join(s.opts.Root, name) }

// request waits for a connection later than the given one, sends a request on
// it, and returns that connection's number with the translated outcome. When
// ctx ends first the error wraps ErrUnavailable, and the request may still be
// carried out.
func (s *Store) request(ctx context.Context, after uint64, ask func() error) (connection uint64, err error) {
	if connection, err = s.waitReady(ctx, after); err != nil {
		return connection, err
	}
	select {
	case s.calls <- struct{}{}:
	case <-ctx.Done():
		return connection, s.unavailable(ctx)
	case <-s.done:
		return connection, coordinator.ErrClosed
	}
	answer := make(chan error, 1)
	var pending call
	started := s.start(func() {
		answer <- ask()
		pending.returned(&s.dial.abandoned)
		<-s.calls
	})
	if !started {
		<-s.calls
		return connection, coordinator.ErrClosed
	}
	select {
	case err := <-answer:
		return connection, translate(err)
	case <-ctx.Done():
		// The library has no contexts. A request that is left behind ends
		// with the connection at the latest.
		pending.abandon(&s.dial.abandoned)
		return connection, s.unavailable(ctx)
	}
}

// call counts a request in abandoned from when its caller leaves until it
// returns, in whatever order both happen.
type call struct{ over atomic.Bool }

func (c *call) abandon(abandoned *atomic.Int64) {
	abandoned.Add(1)
	if c.over.Swap(true) {
		abandoned.Add(-1)
	}
}

func (c *call) returned(abandoned *atomic.Int64) {
	if c.over.Swap(true) {
		abandoned.Add(-1)
	}
}

// start runs f on a goroutine that Close waits for, or returns false after Close.
func (s *Store) start(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Go(f)
	}
	return !s.closed
}

// waitReady waits until requests can be sent on a connection later than the
// given one, and returns its number.
func (s *Store) waitReady(ctx context.Context, after uint64) (uint64, error) {
	for {
		if ctx.Err() != nil {
			return 0, s.unavailable(ctx)
		}
		s.mu.Lock()
		connection, ready, changed, closed := s.session.connection, s.session.ready, s.changed, s.closed
		s.mu.Unlock()
		if closed {
			return 0, coordinator.ErrClosed
		}
		if ready && connection > after {
			return connection, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-s.done:
		}
	}
}

// unavailable words why there was no answer in time.
func (s *Store) unavailable(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cause := context.Cause(ctx)
	if s.session.ready || s.last == nil {
		return fmt.Errorf("%w: %w", coordinator.ErrUnavailable, cause)
	}
	return fmt.Errorf("%w: %w (%v)", coordinator.ErrUnavailable, cause, s.last)
}

// Close implements [coordinator.Store]. It waits until nothing of the store
// runs any more, a few seconds when the server does not answer.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		<-s.done
		s.wg.Wait()
		return nil
	}
	close(s.done)
	s.conn.Close() // sends the end of the session, and waits a second for the answer
	if w := s.dial.wire(); w != nil {
		_ = w.Close() // a frozen server must not hold us
	}
	timeout := time.After(closeTimeout)
	for ended := s.ended; ended != nil; {
		select {
		case _, ok := <-ended:
			if !ok {
				ended = nil
			}
		case <-timeout:
			return fmt.Errorf("close coordinator: the client did not end within %v", closeTimeout)
		}
	}
	s.wg.Wait()
	return nil
}
