package worker

import (
	"time"

	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/multilang"
)

// The stages of a row's way whose times are kept, by their names in figures.
const (
	StageQueue  = "queue"  // in the inbox, until the frame that holds it is made; what is told is the time of the frame's first row
	StageEncode = "encode" // making the frame; the time of the frame
	StagePipe   = "pipe"   // from then until the reply, but for user code: pipes, the SDK, and waiting for the frame before
	StageUser   = "user"   // in user code, as the SDK tells: the mean of the rows that a reply covers. Unknown for Storm's libraries, whose user code counts as pipe
	StageTree   = "tree"   // of a spout: from emit until the tree is done
)

// times are how long rows took. One frame is one change, however many rows it has.
type times struct{ queue, encode, pipe, user metrics.Histogram }

// fed notes that a frame has been made, and is about to be written. mu is held.
func (t *task) fed(f *frame) {
	if !measured {
		return
	}
	f.apart = time.Since(f.sent)
	t.times.queue.Add(f.sent.Sub(f.batch.Since), f.n)
	t.times.encode.Add(f.apart, f.n)
}

// covers notes that a reply has come, to a part of a frame perhaps. mu is held.
func (t *task) covers(f *frame, m *multilang.FromChild, now time.Time) {
	if !measured {
		return
	}
	f.user += time.Duration(m.Took)
	if m.N == 0 {
		return
	}
	if f.user > 0 {
		t.times.user.Add(f.user/time.Duration(m.N), m.N)
		f.apart, f.user = f.apart+f.user, 0
	}
	t.times.pipe.Add(now.Sub(f.sent)-f.apart, m.N)
}

// finished adds the trees that are done to the times. mu is held.
func (l *ledger) finished(now time.Time) {
	if !measured {
		return
	}
	for i, n := 0, 0; i < len(l.done); i += n { // trees of one frame, which come together, began together
		for n = 1; i+n < len(l.done) && l.done[i+n].Frame == l.done[i].Frame; n++ {
		}
		l.tree.Add(now.Sub(l.kept[l.done[i].Frame].born), n)
	}
}

// timesNow returns the times of all stages that there are any of. mu is held.
func (t *task) timesNow() map[string]metrics.Histogram {
	all := map[string]metrics.Histogram{}
	for name, h := range map[string]*metrics.Histogram{StageQueue: &t.times.queue, StageEncode: &t.times.encode, StagePipe: &t.times.pipe, StageUser: &t.times.user} {
		if len(h.Counts) > 0 {
			all[name] = h.Clone()
		}
	}
	return all
}
