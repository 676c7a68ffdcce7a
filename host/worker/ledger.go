package worker

import (
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// ledger keeps what a spout task emitted until it is done with: the trees in
// flight, the tuples that will be replayed, and the outcomes that its child
// has not been told.
type ledger struct {
	w     *Worker
	t     *task // the spout task
	owner int   // its number here
	retry acker.Retry

	mu      sync.Mutex
	table   *acker.Table
	kept    []kept
	free    []uint32 // numbers of kept frames that are done with
	bytes   int      // of the kept rows
	replays []replay
	told    outcomes
	child   int   // the incarnation that is told; 0: it is dead
	lost    int64 // tuples that failed back to a child that is dead by now
	sum     Summary
	blamed  map[blame]int64
	done    []acker.Tree // scratch
	orphans int64        // outcomes for rows of a child that is dead
	moved   time.Time    // when a tree was done last, or the first of those in flight was begun
	tree    metrics.Histogram
}

// replay is a failed tuple that will be sent again.
type replay struct {
	tree   acker.Tree
	due    time.Time
	failed topology.ComponentID // where the attempt before did; empty: nobody knows
	text   string               // why it did
}

// outcomes are row numbers that the spout's child is to be told.
type outcomes struct{ acked, failed, dead []uint32 }

func (o *outcomes) empty() bool { return len(o.acked)+len(o.failed)+len(o.dead) == 0 }

func newLedger(w *Worker, t *task) (l *ledger, err error) {
	l = &ledger{w: w, t: t, retry: acker.Retry{Limit: t.comp.Retries}, blamed: map[blame]int64{}}
	if l.owner, err = w.owners.of(t.id, w.self, l); err != nil {
		return nil, err
	}
	l.table = acker.NewTable(uint16(l.owner), seed())
	return l, nil
}

// keep takes a group of rows and begins a tree for each. The columns must be
// the ledger's own. roots and edges get what identifies the rows.
func (l *ledger) keep(k kept, roots []acker.Root, edges []uint64) ([]acker.Root, []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := uint32(len(l.kept))
	if n := len(l.free); n > 0 {
		number = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		l.kept = append(l.kept, kept{})
	}
	if l.table.Live()+len(l.replays) == 0 {
		l.moved = k.born
	}
	k.left = k.n
	for _, c := range k.cols {
		k.size += len(c.Data)
	}
	l.bytes += k.size
	l.kept[number] = k
	for row := range k.n {
		root, edge := l.table.Open(acker.Tree{Frame: number, Row: uint32(row)})
		roots, edges = append(roots, root), append(edges, edge)
	}
	return roots, edges
}

// apply changes the words of trees and settles those that are done.
func (l *ledger) apply(us []acker.Update, at acker.Place, now time.Time) {
	l.mu.Lock()
	l.done = l.table.Apply(us, at, l.done[:0])
	n := len(l.done)
	if n > 0 {
		l.moved = now
	}
	l.finished(now)
	for i := range l.done {
		l.settle(l.done[i], &l.told.acked)
	}
	l.sum.Acked += int64(n)
	l.mu.Unlock()
	if n > 0 {
		l.t.pump()
		l.w.stir()
	}
}

// settle is done with a tuple; its number goes to told, if the child wants it. mu is held.
func (l *ledger) settle(tree acker.Tree, told *[]uint32) {
	k := &l.kept[tree.Frame]
	if k.wantsOutcome(tree.Row) {
		if k.child == l.child {
			*told = append(*told, k.first+tree.Row)
		} else {
			l.orphans++
		}
	}
	if k.left--; k.left == 0 {
		l.bytes -= k.size
		*k = kept{}
		l.free = append(l.free, tree.Frame)
	}
}

// pending returns how many tuples are not done with.
func (l *ledger) pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Live() + len(l.replays)
}

// hasNews tells whether there are failures that the child is still to be told.
func (l *ledger) hasNews() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.told.failed)+len(l.told.dead) > 0
}

// room returns how many rows and bytes the spout may have in flight beyond
// what it has, given a limit of rows.
func (l *ledger) room(limit int) (rows, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return limit - l.table.Live() - len(l.replays), keptBytes - l.bytes
}

// takeOutcomes returns the outcomes that the child has not been told.
func (l *ledger) takeOutcomes() outcomes {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.told
	l.told = outcomes{}
	return o
}

// failure is what went wrong with a row.
type failure struct {
	cause     acker.Cause
	component topology.ComponentID
	task      topology.TaskID
	alone     bool // the row was the only one handed over and unanswered
	hopeless  bool // another attempt would fail, too
	text      string
}

// fail ends a tree: its tuple is replayed, given back to the spout, or given up.
func (l *ledger) fail(root acker.Root, f failure) {
	now := time.Now()
	l.mu.Lock()
	tree, ok := l.table.Fail(root)
	if !ok {
		l.mu.Unlock()
		return
	}
	l.sum.Failed++
	l.blamed[blame{f.component, f.task, f.cause}]++
	k := &l.kept[tree.Frame]
	var dead *DeadTuple
	if k.back && k.wantsOutcome(tree.Row) {
		l.failBack(tree)
	} else if next, wait, ok := l.retry.Next(tree, f.cause, f.alone); ok && !f.hopeless {
		l.replays = append(l.replays, replay{next, now.Add(wait), f.component, f.text})
	} else {
		dead = l.deadTuple(next, f, now)
		l.sum.Dead++
		l.settle(tree, &l.told.dead)
	}
	l.mu.Unlock()
	if dead != nil {
		l.w.bury(dead)
	}
	l.t.poke()
	l.w.stir()
}

// blame is where an attempt failed, and why. Its names are those of the topology.
type blame struct {
	component topology.ComponentID // empty: nobody knows
	task      topology.TaskID
	cause     acker.Cause
}

// again is a failed tuple that is sent anew, in a tree of its own.
type again struct {
	group *multilang.Group // the row
	root  acker.Root
	edge  uint64
	solo  bool
}

// due begins the replays whose time has come, and tells when the next one's comes.
func (l *ledger) due(now time.Time) (ready []again, next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.replays[:0]
	for _, r := range l.replays {
		switch {
		case !r.due.After(now):
			ready = append(ready, l.reopen(r.tree))
			continue
		case next.IsZero() || r.due.Before(next):
			next = r.due
		}
		rest = append(rest, r)
	}
	l.replays = rest
	return ready, next
}

// reopen begins a tree for a tuple that is kept. mu is held.
func (l *ledger) reopen(tree acker.Tree) again {
	k := &l.kept[tree.Frame]
	a := again{solo: tree.Solo, group: &multilang.Group{Stream: k.stream, N: 1, Cols: k.row(tree.Row), IDs: -1}}
	a.root, a.edge = l.table.Open(tree)
	if len(k.direct) > 0 {
		a.group.Direct = k.direct[4*tree.Row : 4*tree.Row+4]
	}
	return a
}

// failBack is done with a tuple that failed and is its spout's to replay. mu is held.
func (l *ledger) failBack(tree acker.Tree) {
	l.sum.FailedBack++
	if l.kept[tree.Frame].child != l.child {
		l.lost++
	}
	l.settle(tree, &l.told.failed)
}

// serve has a new child be told the outcomes of what it emits.
func (l *ledger) serve(child int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.child = child
}

// forget drops the outcomes of a child that is dead: nobody is told them, and
// a child that follows has rows of the same numbers.
func (l *ledger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.orphans += int64(len(l.told.acked) + len(l.told.failed) + len(l.told.dead))
	l.told, l.child, l.lost = outcomes{}, 0, l.sum.FailedBack
}

// left notes what the spout's child says of the tuples that were given back to
// it: some may have been emitted again since, and acked. It does not speak for
// those that were given back to children before it.
func (l *ledger) left(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.FailedBack = l.lost + int64(n)
}

func (l *ledger) addTo(s *Summary) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Acked += l.sum.Acked
	s.Failed += l.sum.Failed
	s.Dead += l.sum.Dead
	s.FailedBack += l.sum.FailedBack
	s.Abandoned += int64(l.table.Live() + len(l.replays))
}
