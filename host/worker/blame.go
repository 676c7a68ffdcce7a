package worker

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang/storm"
)

// blames are what other workers have told of their rows: who has which for
// long. What is not told again, tick for tick, is forgotten.
type blames struct {
	mu       sync.Mutex
	now, old map[acker.Root]testimony // guarded by mu: told in this tick, and in the one before
}

// testimony is what a worker has told of a row: what to say if its tree times out,
// and the way back to who told it.
type testimony struct {
	failure
	reply func(typ byte, body []byte)
}

// maxBlames bounds what is remembered, and told, in a tick. For more trees than
// that a timeout does not say who is to blame.
const maxBlames = 10_000

func (b *blames) turn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.old, b.now = b.now, nil
}

func (b *blames) note(root acker.Root, x testimony) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now == nil {
		b.now = map[acker.Root]testimony{}
	}
	if len(b.now) < maxBlames {
		b.now[root] = x
	}
}

// of returns what was told of a tree.
func (b *blames) of(root acker.Root) (x testimony, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x, known = b.now[root]; !known {
		x, known = b.old[root]
	}
	return x, known
}

// timeOut fails trees, naming the component that sits on their rows.
func (w *Worker) timeOut(roots []acker.Root) {
	where := make(map[acker.Root]failure, len(roots))
	for _, r := range roots {
		where[r] = failure{cause: acker.Timeout, text: fmt.Sprintf("no progress for %s, and no component has a row of it", w.opts.Topology.Config.MessageTimeout)}
		if x, known := w.blamed.of(r); known {
			where[r] = x.failure
			x.reply(msgOver, appendRoots(nil, w.owners.at(r.Owner()).task, []acker.Root{r}))
		}
	}
	for _, t := range w.allTasks() {
		t.locate(where)
	}
	for _, r := range roots {
		w.reportTimeout(where[r])
		w.failRoot(r, where[r])
	}
}

// reportTimeout tells of a tree that timed out, if it is known where.
func (w *Worker) reportTimeout(f failure) {
	if f.component == "" {
		return
	}
	w.tellFailure(Failure{Time: time.Now(), Component: f.component, Task: f.task, Kind: f.cause.String(), Type: "Timeout", Message: f.text}, culprit{})
}

// locate fills in where rows are that are in the child or held by it.
func (t *task) locate(where map[acker.Root]failure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.eachRow(func(root acker.Root, what string, since time.Time) {
		if _, overdue := where[root]; overdue {
			where[root] = t.blame(what, now.Sub(since))
		}
	})
	t.forget(heldFor(func(root acker.Root) bool { _, overdue := where[root]; return overdue }))
}

// blame is the failure of a tree of which the task has had a row for a time.
func (t *task) blame(what string, d time.Duration) failure {
	return failure{
		cause: acker.Timeout, component: t.comp.ID, task: t.id,
		text: fmt.Sprintf("%s has %s a row of it for %s (message_timeout is %s)", t.name, what, d.Round(time.Millisecond), t.w.opts.Topology.Config.MessageTimeout),
	}
}

// forget forgets what is held for nobody any more: an ack of it comes too late,
// and whoever never acks must not be remembered for ever, replay after replay. mu is held.
func (t *task) forget(over func(*heldRow) bool) {
	gone := map[ref]bool{}
	for at, h := range t.held {
		if over(&h) {
			delete(t.held, at)
			gone[at] = true
		} else {
			t.held[at] = h
		}
	}
	if len(gone) > 0 && t.process != nil {
		t.process.do(func(a *storm.Adapter) {
			a.Forget(func(seq, row uint32) bool { return gone[ref{seq, row}] })
		})
	}
}

// heldFor tells whether a row is held for trees that are all over. It is held
// only for the others from then on, which may be over at another time.
func heldFor(over func(acker.Root) bool) func(*heldRow) bool {
	return func(h *heldRow) bool {
		roots := slices.DeleteFunc(append([]acker.Root{h.root}, h.extras...), over)
		if len(roots) == 0 {
			return true
		}
		if len(roots) <= len(h.extras) {
			h.root, h.extras = roots[0], roots[1:]
		}
		return false
	}
}

// forgetUntracked forgets what has been held for the message timeout and is of no
// tree, which would time out and so end it.
func (w *Worker) forgetUntracked(now time.Time) {
	before := now.Add(-w.opts.Topology.Config.MessageTimeout)
	for _, t := range w.allTasks() {
		t.mu.Lock()
		t.forget(func(h *heldRow) bool { return h.root == 0 && len(h.extras) == 0 && h.since.Before(before) })
		t.mu.Unlock()
	}
}

// What a task does with a row.
const (
	heldRows   = "held"
	rowsInWork = "worked on"
)

// eachRow calls f with the tree of each row that the child has, or holds, what
// it does with it, and since when. mu is held.
func (t *task) eachRow(f func(root acker.Root, what string, since time.Time)) {
	for _, h := range t.held {
		f(h.root, heldRows, h.since)
		for _, x := range h.extras {
			f(x, heldRows, h.since)
		}
	}
	for _, fr := range t.inflight {
		if fr.batch == nil || len(fr.batch.Roots) == 0 {
			continue
		}
		for row := fr.covered; row < fr.n; row++ {
			if !fr.done[row] {
				f(fr.batch.Roots[row], rowsInWork, fr.sent)
			}
		}
		for _, x := range fr.batch.Extras {
			if x.Row >= fr.covered && !fr.done[x.Row] {
				f(x.Root, rowsInWork, fr.sent)
			}
		}
	}
}

// confess tells the owners of trees elsewhere which rows tasks here have had for
// a third of the timeout. Should the trees time out, their owners can say why,
// and that it is so (absolve).
func (w *Worker) confess(now time.Time) {
	timeout := w.opts.Topology.Config.MessageTimeout
	for _, t := range w.allTasks() {
		told := 0
		owned := map[int]map[acker.Root]failure{}
		t.mu.Lock()
		t.eachRow(func(root acker.Root, what string, since time.Time) {
			if root == 0 || now.Sub(since) < timeout/3 || told == maxBlames {
				return
			}
			number := root.Owner()
			if owned[number] == nil {
				owned[number] = map[acker.Root]failure{}
			}
			owned[number][root] = t.blame(what, now.Sub(since))
			told++
		})
		t.mu.Unlock()
		for number, rows := range owned {
			o := w.owners.at(number)
			if o.ledger != nil {
				continue // we find it ourselves
			}
			for root, f := range rows {
				w.tell(o.worker, msgBlame, appendFailure(nil, o.task, root, f))
			}
		}
	}
}

// absolve takes it that trees of a worker have timed out: what is held for them is forgotten.
func (w *Worker) absolve(worker uint64, c *cut) {
	number, known := w.owners.known(topology.TaskID(c.u32()), worker)
	over := map[acker.Root]bool{}
	for len(c.b) > 0 && c.err == nil {
		over[acker.Root(c.u64()).Of(number)] = true
	}
	if !known {
		return
	}
	for _, t := range w.allTasks() {
		t.mu.Lock()
		t.forget(heldFor(func(root acker.Root) bool { return over[root] }))
		t.mu.Unlock()
	}
}
