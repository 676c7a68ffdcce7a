// Package faultproxy puts a faulty network between a client and a server in
// tests: connections that break, fall silent in one direction or in both, or
// are refused. It knows nothing of what passes through it.
package faultproxy

import (
	"net"
	"sync"
	"testing"
)

// Faults says what is wrong with the network.
type Faults struct {
	// Refuse closes new connections at once.
	Refuse bool

	// StallToServer and StallToClient hold back what goes in that direction,
	// the end of the connection included: the far side goes on believing in it.
	// It is delivered when the fault is taken away.
	StallToServer, StallToClient bool
}

// Proxy forwards connections to a target until its test ends. All methods may
// be called concurrently.
type Proxy struct {
	// fixed at construction
	network, target string
	listener        net.Listener
	wg              sync.WaitGroup

	mu      sync.Mutex
	faults  Faults             // guarded by mu
	changed chan struct{}      // guarded by mu: closed and replaced when faults changes
	links   map[*link]struct{} // guarded by mu
	closed  bool               // guarded by mu
	total   int                // guarded by mu: connections so far
}

// link is one connection from client to server.
type link struct {
	client, server net.Conn
	cut            chan struct{} // closed by the proxy when the link is to end
	frozen         bool          // guarded by the proxy's mu: silent until it is cut
}

// Start forwards a loopback port to a target, for instance ("tcp",
// "127.0.0.1:2181") or ("unix", "/run/x.sock").
func Start(t testing.TB, network, target string) *Proxy {
	t.Helper()
	return StartAt(t, "127.0.0.1:0", network, target)
}

// StartAt is Start with the address at which clients are to find the target.
func StartAt(t testing.TB, addr, network, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		network: network, target: target, listener: listener,
		changed: make(chan struct{}), links: map[*link]struct{}{},
	}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr returns the host and port that clients are to use.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set replaces the faults, for present and future connections.
func (p *Proxy) Set(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
	close(p.changed)
	p.changed = make(chan struct{})
}

// Heal takes all faults away.
func (p *Proxy) Heal() { p.Set(Faults{}) }

// Cut resets all present connections, on both sides. What was held back is
// lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.end()
		delete(p.links, l)
	}
}

// Freeze makes all present connections fall silent for good, in both
// directions, without either end being told: they are half open. New ones work.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.frozen = true
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// Connections returns how many connections there have been.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.wg.Go(func() { p.forward(client) })
	}
}

func (p *Proxy) forward(client net.Conn) {
	p.mu.Lock()
	p.total++
	refuse := p.faults.Refuse
	p.mu.Unlock()
	if refuse {
		reset(client)
		return
	}
	server, err := net.Dial(p.network, p.target)
	if err != nil {
		reset(client)
		return
	}
	l := &link{client: client, server: server, cut: make(chan struct{})}
	p.mu.Lock()
	if p.closed || p.faults.Refuse { // since it was accepted
		p.mu.Unlock()
		l.end()
		return
	}
	p.links[l] = struct{}{}
	p.mu.Unlock()

	var wg sync.WaitGroup
	wg.Go(func() { p.pump(l, server, client, func(f Faults) bool { return f.StallToServer }) })
	wg.Go(func() { p.pump(l, client, server, func(f Faults) bool { return f.StallToClient }) })
	wg.Wait()

	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.links[l]; ok {
		delete(p.links, l)
		_ = client.Close()
		_ = server.Close()
	}
}

// pump copies one direction, and its end.
func (p *Proxy) pump(l *link, to, from net.Conn, stalled func(Faults) bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !p.pass(l, stalled) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if half, ok := to.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
			return
		}
	}
}

// pass waits while a direction is stalled; false means that the link is cut.
func (p *Proxy) pass(l *link, stalled func(Faults) bool) bool {
	for {
		p.mu.Lock()
		wait, changed := l.frozen || stalled(p.faults), p.changed
		p.mu.Unlock()
		if !wait {
			return true
		}
		select {
		case <-changed:
		case <-l.cut:
			return false
		}
	}
}

func (l *link) end() {
	close(l.cut)
	reset(l.client)
	reset(l.server)
}

// reset closes a connection without the courtesy of finishing it.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
