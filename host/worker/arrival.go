package worker

import (
	"fmt"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
)

// arrival is where the messages of one link from another worker come in. Its
// Take is called by one goroutine at a time.
type arrival struct {
	w     *Worker
	reply func(typ byte, body []byte) // must not block

	mu  sync.Mutex
	due map[*inbox]*due
}

// due is credit for an inbox that has not been given back.
type due struct {
	rows, bytes int
	frame       int // that the sender was told last: its window is of so many
}

// dueBytes is how many bytes of rows are kept back at most. The sender's window
// is of fullBytes: of rows that are large a few make it full, and if their
// children are quick these are less than half a frame.
const dueBytes = fullBytes / 8

// Arrival takes the messages of a link from another worker.
type Arrival interface {
	// Take takes one message. An error means that the peer does not speak as
	// we do: the link is of no use.
	Take(typ byte, body []byte) error
}

// Arrive makes the receiving end of a link from another worker of the
// topology. reply sends a message back; it must not block.
func (w *Worker) Arrive(reply func(typ byte, body []byte)) Arrival {
	return &arrival{w: w, reply: reply, due: map[*inbox]*due{}}
}

// Take takes one message.
func (a *arrival) Take(typ byte, body []byte) error {
	w := a.w
	switch typ {
	case msgRows:
		in, b, err := w.rows(body)
		if err != nil {
			return err
		}
		a.put(in, b)
		return nil
	case msgUpdates, msgMoves:
		return a.updates(typ, body)
	case msgFail, msgBlame:
		c := &cut{b: body}
		l, root := a.ledger(c), acker.Root(c.u64())
		f := c.failure()
		switch {
		case l == nil || c.err != nil:
		case typ == msgFail:
			l.fail(root.Of(l.owner), f)
		default:
			w.blamed.note(root.Of(l.owner), testimony{f, a.reply})
		}
		return c.err
	case msgTouch:
		c := &cut{b: body}
		l := a.ledger(c)
		var roots []acker.Root
		for len(c.b) > 0 && c.err == nil {
			roots = append(roots, acker.Root(c.u64()))
		}
		if l != nil {
			for i := range roots {
				roots[i] = roots[i].Of(l.owner)
			}
			l.touch(roots)
		}
		return c.err
	case msgStopped:
		c := &cut{b: body}
		worker, groups := c.u64(), c.u32()
		if c.err == nil {
			w.company.note(worker, int(groups))
			w.stir()
		}
		return c.err
	}
	return fmt.Errorf("message of unknown type %d", typ)
}

// put puts rows that came for an inbox there, or where a plan has moved that to
// since it was looked up.
func (a *arrival) put(in *inbox, b *stream.Batch) {
	b.Since = time.Now()
	in.put(b, a.w.self, a).wake()
}

// ledger reads a spout task; nil if it is none of ours any more.
func (a *arrival) ledger(c *cut) *ledger {
	return a.w.ledgerOf(topology.TaskID(c.u32()))
}

func (a *arrival) updates(typ byte, body []byte) error {
	c := &cut{b: body}
	l, at, to := a.ledger(c), c.u64(), c.u64()
	us := make([]acker.Update, 0, len(c.b)/16)
	for len(c.b) > 0 && c.err == nil {
		u := acker.Update{Root: acker.Root(c.u64()), Xor: c.u64()}
		if l != nil {
			u.Root = u.Root.Of(l.owner)
		}
		us = append(us, u)
	}
	if l == nil || c.err != nil {
		return c.err
	}
	if typ == msgMoves {
		l.move(us, at, to)
	} else {
		l.applyAt(us, at, time.Now())
	}
	return nil
}

// taken gives credit back for rows, of so many bytes, that left an inbox. It is
// called with the inbox's lock held.
func (a *arrival) taken(in *inbox, rows, bytes int) {
	a.mu.Lock()
	d := a.due[in]
	if d == nil {
		d = &due{frame: 1}
		a.due[in] = d
	}
	d.rows, d.bytes = d.rows+rows, d.bytes+bytes
	frame, n := int(in.frame.Load()), 0
	// The sender's window holds several frames: half a frame is soon enough.
	if d.rows >= max(1, min(frame, d.frame)/2) || d.bytes >= dueBytes {
		n, d.rows, d.bytes, d.frame = d.rows, 0, 0, frame
	}
	a.mu.Unlock()
	if n > 0 {
		a.reply(msgCredit, le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, in.key()), uint32(n)), uint32(frame)))
	}
}
