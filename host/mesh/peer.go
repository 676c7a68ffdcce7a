package mesh

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/transport"
	"github.com/polybolt/polybolt/host/worker"
)

// pause is how long a peer is left alone after its links have ended.
const pause = 50 * time.Millisecond

// peer is the worker at another place, over all its incarnations.
type peer struct {
	m      *Mesh
	place  Place
	cancel context.CancelFunc // nil before it runs; guarded by Mesh.mu

	alive  uint64        // the incarnation that answers; 0: none has; guarded by Mesh.mu
	sender worker.Sender // the way to it; nil with alive 0; guarded by Mesh.mu
	down   [2]time.Time  // by channel: since when there is no connection; zero: there is one; guarded by Mesh.mu
}

// at tells whether the peer's place has not changed.
func (p *peer) at(place Place) bool {
	return p.place.Name == place.Name && slices.Equal(p.place.Addrs, place.Addrs)
}

// run keeps links to the peer until ctx ends.
func (p *peer) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := p.live(ctx)
		if errors.Is(err, transport.ErrStale) {
			select {
			case p.m.stale <- err:
			default:
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// live keeps links to one incarnation until it has ended, or ctx has.
func (p *peer) live(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg crash.Group
	defer wg.Wait()
	defer cancel()
	ended := make(chan error, 2)
	up := make(chan struct{}, 1)
	first := p.link(control, 0, func() { trySend(up) })
	wg.Go(func() { ended <- first.Run(ctx) })
	select {
	case err := <-ended:
		return err
	case <-up:
	}
	id, _ := first.Peer()
	second := p.link(data, id.Worker, func() {})
	wg.Go(func() { ended <- second.Run(ctx) })
	p.met(id.Worker, &pair{control: first, data: second})
	err := <-ended
	p.met(0, nil)
	return err
}

// link makes a link; up is called whenever it has a connection.
func (p *peer) link(channel uint8, incarnation uint64, up func()) *transport.Link {
	m := p.m
	var l *transport.Link
	l = transport.NewLink(transport.LinkOptions{
		Self: m.self, Peer: transport.Peer{Worker: incarnation, Place: p.place.Name, Addrs: p.place.Addrs}, Channel: channel,
		TLS: m.o.TLS, Limits: m.limits, Log: m.o.Log,
		Handler: func(msg transport.Message) {
			if id, ok := l.Peer(); ok {
				m.o.Worker.Back(id.Worker, msg.Type, msg.Body)
			}
		},
		State: func(ok bool, _ error) {
			p.connected(channel, ok)
			if ok {
				up()
			}
		},
	})
	return l
}

// connected notes whether a link has a connection.
func (p *peer) connected(channel uint8, ok bool) {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if ok {
		p.down[channel] = time.Time{}
	} else if p.down[channel].IsZero() {
		p.down[channel] = time.Now()
	}
}

// met notes who answers at the peer's place; 0: nobody does any more.
func (p *peer) met(incarnation uint64, s worker.Sender) {
	m := p.m
	m.mu.Lock()
	defer m.mu.Unlock()
	p.alive, p.sender = incarnation, s
	if m.peers[p.place.Name] != p || m.ctx.Err() != nil {
		return
	}
	if err := m.plan(); err != nil {
		m.o.Log.Error("plan not followed", "err", err)
	}
}

func trySend(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pair is the way to one incarnation of a worker.
type pair struct{ control, data *transport.Link }

// Send implements [worker.Sender]. What is sent to a worker that has ended is
// lost, and the engine hears soon that it has.
func (s *pair) Send(typ byte, parts ...[]byte) {
	l := s.control
	if worker.IsData(typ) {
		l = s.data
	}
	_ = l.Send(typ, parts...) // too large cannot be: Options.MaxMessage is above what a row may be
}
