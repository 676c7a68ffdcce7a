package worker

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/polybolt/polybolt/host/topology"
)

// mesh joins the workers of a test in memory, as host/transport joins real
// ones: each ordered pair has a link that keeps the order of its messages.
type mesh struct {
	t       *testing.T
	wg      sync.WaitGroup
	mu      sync.Mutex
	workers map[uint64]*node
	places  map[topology.TaskID]uint64
}

// node is one worker of a mesh.
type node struct {
	*fixture
	mesh   *mesh
	cancel context.CancelFunc
	ended  chan struct{}    // closed when Run has returned
	links  map[uint64]*wire // to others
}

// wire is one direction of one link.
type wire struct {
	mu    sync.Mutex
	ready chan struct{}
	queue []func()
	cut   chan struct{}
	once  sync.Once
}

func newWire(m *mesh) *wire {
	w := &wire{ready: make(chan struct{}, 1), cut: make(chan struct{})}
	m.wg.Go(func() {
		for {
			select {
			case <-w.cut:
				return
			case <-w.ready:
			}
			w.mu.Lock()
			queue := w.queue
			w.queue = nil
			w.mu.Unlock()
			for _, f := range queue {
				f()
			}
		}
	})
	return w
}

func (w *wire) push(f func()) {
	w.mu.Lock()
	w.queue = append(w.queue, f)
	w.mu.Unlock()
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

func (w *wire) close() { w.once.Do(func() { close(w.cut) }) }

// sender is a Sender over a wire.
type sender struct {
	forth, back *wire
	take        func(typ byte, body []byte)
}

func (s *sender) Send(typ byte, parts ...[]byte) {
	var body []byte
	for _, p := range parts {
		body = append(body, p...)
	}
	s.forth.push(func() { s.take(typ, body) })
}

// link makes the link from one node to another.
func (m *mesh) link(from, to *node) Sender {
	forth, back := newWire(m), newWire(m)
	from.links[to.self] = forth
	s := &sender{forth: forth, back: back}
	arrival := to.Arrive(func(typ byte, body []byte) {
		back.push(func() { from.Back(to.self, typ, body) })
	})
	s.take = func(typ byte, body []byte) {
		if err := arrival.Take(typ, body); err != nil {
			m.t.Errorf("from %x to %x: %v", from.self, to.self, err)
		}
	}
	m.t.Cleanup(func() { forth.close(); back.close() })
	return s
}

// plan tells every worker where the tasks are.
func (m *mesh) plan() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range m.workers {
		p := Plan{Mode: Active, Tasks: m.places, Workers: map[uint64]Sender{}}
		for id, other := range m.workers {
			if id == n.self {
				continue
			}
			if peer := n.peerOf(id); peer != nil {
				p.Workers[id] = peer.link
			} else {
				p.Workers[id] = m.link(n, other)
			}
		}
		if err := n.Apply(p); err != nil {
			m.t.Error(err)
		}
	}
}

// add makes a worker of the mesh; it gets its tasks with the next plan.
func (m *mesh) add(id uint64, text string) *node {
	n := &node{mesh: m, links: map[uint64]*wire{}}
	n.fixture = newFixture(m.t, text, func(o *Options) { o.Self, o.Finite = id, false })
	m.mu.Lock()
	defer m.mu.Unlock()
	m.workers[id] = n
	return n
}

// start runs a worker until its node is killed or the test ends.
func (n *node) start() {
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.ended = make(chan struct{})
	n.mesh.wg.Go(func() {
		defer close(n.ended)
		if err := n.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			n.mesh.t.Error(err)
		}
	})
	n.mesh.t.Cleanup(func() { cancel(); <-n.ended })
}

// kill ends a worker without a word, and takes it off the mesh.
func (n *node) kill() {
	for _, l := range n.links {
		l.close()
	}
	n.cancel()
	n.mesh.mu.Lock()
	defer n.mesh.mu.Unlock()
	delete(n.mesh.workers, n.self)
	for _, other := range n.mesh.workers {
		other.links[n.self].close()
	}
}

func newMesh(t *testing.T, places map[topology.TaskID]uint64) *mesh {
	m := &mesh{t: t, workers: map[uint64]*node{}, places: places}
	t.Cleanup(m.wg.Wait)
	return m
}
