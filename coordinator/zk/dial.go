package zk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/polybolt/polybolt/host/crash"
)

const (
	// A round through all servers, each of them silent, should fit into two
	// thirds of a session; but a server needs some time to answer, and nobody
	// wants to wait for one longer than that.
	minDialTimeout = 500 * time.Millisecond
	maxDialTimeout = 5 * time.Second

	// Pauses between rounds that reached no server: they double from the first
	// to the last, each with a jitter of half its length.
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second

	// How long the requests of a broken connection are given to return before
	// one that the library still holds counts as unsent.
	settleTime = 10 * time.Millisecond
)

// dialer chooses the next server and connects to it, one attempt at a time. It
// is the library's HostProvider too: the library's own looks all names up once
// and fails when one of them does not resolve.
type dialer struct {
	// fixed at construction
	servers []string
	tls     *tls.Config
	timeout func() time.Duration // the session timeout
	heard   func(zxid int64, sent time.Time)
	failed  func(server string, err error)
	done    <-chan struct{} // the store is closing

	// abandoned counts the requests whose callers have left while the library
	// still holds them.
	abandoned atomic.Int64

	mu       sync.Mutex
	next     int   // guarded by mu: index of the next server
	attempts int   // guarded by mu: since a connection was fit for use
	current  *wire // guarded by mu: the last connection
}

// Init implements zookeeper.HostProvider. The servers are known already.
func (d *dialer) Init([]string) error { return nil }

// Len implements zookeeper.HostProvider.
func (d *dialer) Len() int { return len(d.servers) }

// Connected implements zookeeper.HostProvider. A session is not yet a
// connection that is fit for use: see healthy.
func (d *dialer) Connected() {}

// Next implements zookeeper.HostProvider. When it returns true the library
// drops the requests that it has not sent yet, and pauses for a second: it
// must not send, minutes later, a change that its caller has given up.
func (d *dialer) Next() (server string, drop bool) {
	d.settle()
	d.mu.Lock()
	defer d.mu.Unlock()
	server = d.servers[d.next]
	d.next = (d.next + 1) % len(d.servers)
	return server, d.closing() || d.abandoned.Load() > 0
}

// settle waits a moment for abandoned requests to return: those that had been
// sent do so as soon as their connection breaks, and cost no pause.
func (d *dialer) settle() {
	if d.abandoned.Load() == 0 {
		return
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range settleTime / time.Millisecond {
		if d.abandoned.Load() == 0 || d.closing() {
			return
		}
		<-tick.C
	}
}

func (d *dialer) closing() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// healthy notes that the present connection is fit for use.
func (d *dialer) healthy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attempts = 0
}

// wire returns the last connection, or nil.
func (d *dialer) wire() *wire {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current
}

// dial is a zookeeper.Dialer. The library's timeout is a constant second.
func (d *dialer) dial(_, server string, _ time.Duration) (net.Conn, error) {
	d.mu.Lock()
	previous, pause := d.current, pauseBefore(d.attempts, len(d.servers))
	d.current = nil
	d.attempts++
	d.mu.Unlock()
	if previous != nil {
		// The library leaves the connection open on which it learned that the
		// session has expired.
		_ = previous.Close()
	}
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-d.done:
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.dialTimeout())
	defer d.cancelWhenDone(ctx, cancel)()
	w, err := d.connect(ctx, server)
	if err != nil {
		d.failed(server, err)
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closing() {
		// Close may have looked for a connection before there was this one, and
		// what the library had to send in parting may be dropped: nothing would end it.
		_ = w.Close()
		return nil, errClosing
	}
	d.current = w
	return w, nil
}

// errClosing is why a store that is about to close connects to nobody.
var errClosing = errors.New("the store is closing")

// cancelWhenDone cancels ctx as soon as the store is closing, and returns what
// cancels it otherwise and ends the watch for that.
func (d *dialer) cancelWhenDone(ctx context.Context, cancel context.CancelFunc) (end func()) {
	var wg crash.Group
	wg.Go(func() {
		select {
		case <-d.done:
			cancel()
		case <-ctx.Done():
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// pauseBefore returns how long to wait before an attempt.
func pauseBefore(attempts, servers int) time.Duration {
	round := attempts / servers
	if round == 0 || attempts%servers != 0 {
		return 0
	}
	pause := min(firstPause<<min(round-1, 10), lastPause)
	return pause/2 + rand.N(pause/2)
}

func (d *dialer) dialTimeout() time.Duration {
	share := d.timeout() * 2 / 3 / time.Duration(len(d.servers))
	return min(max(share, minDialTimeout), maxDialTimeout)
}

func (d *dialer) connect(ctx context.Context, server string) (*wire, error) {
	network, address, err := splitServer(server)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if d.tls != nil {
		config := d.tls.Clone()
		if config.ServerName == "" && network == "tcp" {
			config.ServerName, _, _ = net.SplitHostPort(address)
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("TLS with %s: %w", server, err)
		}
		conn = secure
	}
	deadline, _ := ctx.Deadline()
	return newWire(conn, server, deadline, d.heard), nil
}
