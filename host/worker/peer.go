package worker

import (
	"sync"

	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/multilang"
)

// Sender is the way to another worker: messages arrive there in the order of
// the calls, once, for as long as that incarnation of it lives. Send never
// blocks and owns nothing of parts when it returns.
type Sender interface {
	Send(typ byte, parts ...[]byte)
}

// peer is another worker of the topology, in one incarnation.
type peer struct {
	w      *Worker
	worker uint64
	link   Sender

	mu      sync.Mutex // held while rows are taken and sent, so that they keep their order
	windows map[*inbox]*window
	buf     []byte
	gone    bool
}

// window is what a peer has of the rows for one of its inboxes and has not
// handed to a child yet. The peer says how many make it full.
type window struct {
	rows, bytes int
	frame       int
	sent        []parcel // of rows and their bytes, in order
}

type parcel struct{ rows, bytes int }

func newPeer(w *Worker, worker uint64, link Sender) *peer {
	return &peer{w: w, worker: worker, link: link, windows: map[*inbox]*window{}}
}

// pump sends what waits in an inbox, as far as there is room at the other end.
func (p *peer) pump(in *inbox) {
	p.mu.Lock()
	drained := false
	for !p.gone && in.home.Load().peer == p {
		win := p.window(in)
		room, size := in.comp.enough(win.frame)-win.rows, fullBytes-win.bytes
		if room <= 0 || size <= 0 {
			break
		}
		b, d := in.take(min(room, max(win.frame, minFull, in.comp.most())), min(size, multilang.TargetFrame), true)
		if b == nil {
			break
		}
		drained = drained || d
		win.add(b)
		p.buf = p.w.appendRows(p.buf[:0], in, b)
		p.link.Send(msgRows, p.buf)
		p.w.addLoad(-b.N)
	}
	p.mu.Unlock()
	if drained {
		in.kick()
	}
}

func (p *peer) window(in *inbox) *window {
	win := p.windows[in]
	if win == nil {
		win = &window{frame: 1}
		p.windows[in] = win
	}
	return win
}

func (w *window) add(b *stream.Batch) {
	w.rows += b.N
	w.bytes += b.Size()
	w.sent = append(w.sent, parcel{b.N, b.Size()})
}

// credit notes that the peer's tasks took rows of an inbox.
func (p *peer) credit(in *inbox, rows, frame int) {
	p.mu.Lock()
	win := p.window(in)
	win.frame = max(frame, 1)
	for rows > 0 && len(win.sent) > 0 {
		s := &win.sent[0]
		n := min(rows, s.rows)
		bytes := s.bytes * n / s.rows
		win.rows, win.bytes = win.rows-n, win.bytes-bytes
		s.rows, s.bytes = s.rows-n, s.bytes-bytes
		rows -= n
		if s.rows == 0 {
			win.bytes -= s.bytes
			win.sent = win.sent[1:]
		}
	}
	p.mu.Unlock()
	p.pump(in)
}

// outstanding returns the rows of an inbox that the peer has.
func (p *peer) outstanding(in *inbox) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.window(in).rows
}

// Back takes a message that a worker sent back on the link to it.
func (w *Worker) Back(worker uint64, typ byte, body []byte) {
	p := w.peerOf(worker)
	c := &cut{b: body}
	switch {
	case p == nil:
		return
	case typ == msgOver:
		w.absolve(worker, c)
		return
	case typ != msgCredit:
		return
	}
	for len(c.b) > 0 && c.err == nil {
		key, rows, frame := c.u32(), c.u32(), c.u32()
		if in := p.w.inboxFor(p, key); in != nil && c.err == nil {
			p.credit(in, int(rows), int(frame))
		}
	}
}

// inboxFor returns our inbox for what a peer calls key: of a task, or the pool
// of a component at that peer.
func (w *Worker) inboxFor(p *peer, key uint32) *inbox {
	if key&poolKey == 0 {
		return w.inboxOfKey(key)
	}
	if number := int(key &^ poolKey); number < len(w.components) {
		for _, in := range *w.components[number].pools.Load() {
			if in.home.Load().peer == p {
				return in
			}
		}
	}
	return nil
}

// tell sends a message to a worker; to one that is gone there is nothing to say.
func (w *Worker) tell(worker uint64, typ byte, body []byte) {
	if p := w.peerOf(worker); p != nil {
		p.link.Send(typ, body)
	}
}
