// Package mesh joins the workers of a run: it keeps links from one of them to
// all others, learns from these who lives and who has ended, and gives the
// engine a plan whenever that, or the layout, changes.
//
// A layout names places. Who lives at a place answers a link to it with its
// incarnation, and when another incarnation answers, the one before has ended:
// workers find each other again without the coordinator, nimbus or a supervisor.
//
// Each pair of workers has two links in each direction: rows have one, and
// everything that is small, acks and failures above all, does not wait behind them.
package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/transport"
	"github.com/polybolt/polybolt/host/worker"
)

// The channels of links.
const (
	control uint8 = 0
	data    uint8 = 1
)

// Options say whom a mesh serves and where it listens.
type Options struct {
	Run        string // that the workers are of; others are refused
	Self       uint64 // our incarnation
	Place      string // where we live
	Listen     []string
	TLS        *tls.Config                                            // for what is not loopback, see [transport.CA]
	Control    func(network, address string, c syscall.RawConn) error // see [transport.ServerOptions]; may be nil
	MaxMessage int                                                    // bytes of the largest message of the engine
	Worker     Engine
	Log        *slog.Logger
}

// Engine is what the mesh needs of a [worker.Worker].
type Engine interface {
	Apply(worker.Plan) error
	Arrive(reply func(typ byte, body []byte)) worker.Arrival
	Back(from uint64, typ byte, body []byte)
}

// Mesh is one worker's part of it. Its methods may be called concurrently.
type Mesh struct {
	o      Options
	limits transport.Limits
	server *transport.Server
	epoch  atomic.Int64
	stale  chan error // capacity 1: a peer has refused us for good

	mu       sync.Mutex
	ctx      context.Context                       // guarded by mu: of Run; nil before
	wg       crash.Group                           // of peers
	layout   Layout                                // guarded by mu
	mode     worker.Mode                           // guarded by mu
	peers    map[string]*peer                      // guarded by mu: by place
	arrivals map[*transport.Inbound]worker.Arrival // guarded by mu
}

// New opens the addresses; only Run closes them.
func New(o Options) (*Mesh, error) {
	m := &Mesh{o: o, stale: make(chan error, 1), peers: map[string]*peer{}, arrivals: map[*transport.Inbound]worker.Arrival{}}
	m.limits.MaxMessage = o.MaxMessage
	var err error
	m.server, err = transport.Listen(transport.ServerOptions{
		Self: m.self, Listen: o.Listen, TLS: o.TLS, Control: o.Control, Accept: m.accept, Handler: m.take, Ended: m.ended, Limits: m.limits, Log: o.Log,
	})
	return m, err
}

// self is who we are.
func (m *Mesh) self() transport.Identity {
	return transport.Identity{Topology: m.o.Run, Place: m.o.Place, Worker: m.o.Self, Epoch: max(m.epoch.Load(), 1)}
}

// Run keeps the links until ctx ends. An error that matches
// [transport.ErrStale] says that a peer knows a newer layout, in which our
// place is not the run's any more; others, that an address is lost.
func (m *Mesh) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.mu.Lock()
	m.ctx = ctx
	for _, p := range m.peers {
		m.start(p)
	}
	m.mu.Unlock()
	served := make(chan error, 1)
	crash.Go(func() { served <- m.server.Run(ctx) })
	var err error
	select {
	case err = <-m.stale:
		cancel(err)
		<-served //nolint:errcheck // it tells that we have ended it
	case err = <-served:
		cancel(err)
	}
	m.mu.Lock()
	m.ctx = ctx // ended: nothing is started any more
	m.mu.Unlock()
	m.wg.Wait()
	return err
}

// Unlinked names the place to which there has been no link for longest, and says for how long.
func (m *Mesh) Unlinked() (place string, longest time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, p := range m.peers {
		for _, since := range p.down {
			if !since.IsZero() && time.Since(since) > longest {
				place, longest = name, time.Since(since)
			}
		}
	}
	return place, longest
}

// start runs a peer's links. mu is held.
func (m *Mesh) start(p *peer) {
	if m.ctx == nil || m.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(m.ctx)
	p.cancel, p.down[control] = cancel, time.Now()
	m.wg.Go(func() { p.run(ctx) })
}

// Apply follows a layout and a mode. Layouts older than one that was applied are ignored.
func (m *Mesh) Apply(l Layout, mode worker.Mode) error {
	m.mu.Lock()
	m.mode = mode
	if l.Epoch >= m.layout.Epoch {
		m.layout = l
		m.epoch.Store(l.Epoch)
		m.follow()
	}
	err := m.plan()
	m.mu.Unlock()
	m.server.Review() // asks accept
	return err
}

// follow starts links to places that are new, and ends those to places that are gone. mu is held.
func (m *Mesh) follow() {
	for name, p := range m.peers {
		if n := m.layout.number(name); n < 0 || !p.at(m.layout.Places[n]) {
			if p.cancel != nil {
				p.cancel()
			}
			delete(m.peers, name)
		}
	}
	for _, place := range m.layout.Places {
		if place.Name == m.o.Place || m.peers[place.Name] != nil {
			continue
		}
		p := &peer{m: m, place: place}
		m.peers[place.Name] = p
		m.start(p)
	}
}

// plan tells the engine who is where. mu is held.
func (m *Mesh) plan() error {
	p := worker.Plan{Mode: m.mode, Workers: map[uint64]worker.Sender{}}
	for _, peer := range m.peers {
		if peer.sender != nil {
			p.Workers[peer.alive] = peer.sender
		}
	}
	p.Tasks = m.layout.tasks(func(place string) uint64 {
		if place == m.o.Place {
			return m.o.Self
		}
		if peer := m.peers[place]; peer != nil {
			return peer.alive
		}
		return 0
	})
	return m.o.Worker.Apply(p)
}

// accept says whether a worker may have a link to us.
func (m *Mesh) accept(from transport.Identity, _ uint8) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.layout.number(from.Place) >= 0:
		return nil
	case from.Epoch > m.layout.Epoch:
		return &transport.Refusal{Code: transport.CodeLater, Text: fmt.Sprintf("this worker knows epoch %d only, and waits for the next", m.layout.Epoch)}
	}
	return &transport.Refusal{Code: transport.CodeStale, Text: fmt.Sprintf("since epoch %d the run has no worker at %q", m.layout.Epoch, from.Place)}
}

// take gives a message to the engine.
func (m *Mesh) take(in *transport.Inbound, msg transport.Message) {
	m.mu.Lock()
	a := m.arrivals[in]
	if a == nil {
		a = m.o.Worker.Arrive(func(typ byte, body []byte) {
			if err := in.Reply(typ, body); err != nil && !errors.Is(err, transport.ErrEnded) {
				m.o.Log.Error("credit not given back", "peer", in.From(), "err", err)
			}
		})
		m.arrivals[in] = a
	}
	m.mu.Unlock()
	if err := a.Take(msg.Type, msg.Body); err != nil {
		m.o.Log.Error("message of another worker ignored", "peer", in.From(), "type", msg.Type, "err", err)
	}
}

// ended forgets a link that led to us.
func (m *Mesh) ended(in *transport.Inbound, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.arrivals, in)
}
