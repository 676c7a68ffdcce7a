package worker

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
)

// owner is a spout task in one incarnation of its worker: trees are its.
type owner struct {
	task   topology.TaskID
	worker uint64
	ledger *ledger // nil: it is another worker's
}

// owners numbers the owners that this worker has heard of, for [acker.Root],
// and the workers, for [acker.Place]. Numbers are never used again.
type owners struct {
	list atomic.Pointer[[]owner] // by number; read without a lock

	mu     sync.Mutex
	number map[ownerKey]int
	places map[uint64]acker.Place
}

type ownerKey struct {
	task   topology.TaskID
	worker uint64
}

func (o *owners) init() {
	o.list.Store(new([]owner))
	o.number, o.places = map[ownerKey]int{}, map[uint64]acker.Place{}
}

// at returns the owner of a number.
func (o *owners) at(number int) owner { return (*o.list.Load())[number] }

// known returns the number of an owner, if it has one.
func (o *owners) known(task topology.TaskID, worker uint64) (number int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	number, ok = o.number[ownerKey{task, worker}]
	return number, ok
}

// maxOwners is how many fit into an [acker.Root].
const maxOwners = 1 << 16

// errOwners ends the worker: in its next incarnation it numbers anew.
var errOwners = fmt.Errorf("it has heard of %d incarnations of spout tasks, for more there are no numbers", maxOwners)

// of returns the number of an owner, a new one if need be: also if a task has
// come back with another ledger, for rows of the one before may be on their way.
func (o *owners) of(task topology.TaskID, worker uint64, l *ledger) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := ownerKey{task, worker}
	list := *o.list.Load()
	if n, ok := o.number[key]; ok && (l == nil || list[n].ledger == l) {
		return n, nil
	}
	n := len(list)
	if n >= maxOwners {
		return 0, errOwners
	}
	list = append(list[:n:n], owner{task, worker, l})
	o.list.Store(&list)
	o.number[key] = n
	return n, nil
}

// place numbers a worker.
func (w *Worker) place(worker uint64) acker.Place {
	if worker == w.self {
		return acker.Here
	}
	o := &w.owners
	o.mu.Lock()
	defer o.mu.Unlock()
	p, ok := o.places[worker]
	if !ok {
		p = acker.Place(len(o.places))
		o.places[worker] = p
	}
	return p
}

// byOwner calls f for each run of updates with the same owner.
func (w *Worker) byOwner(us []acker.Update, f func(owner, []acker.Update)) {
	for len(us) > 0 {
		number, n := us[0].Root.Owner(), 1
		for n < len(us) && us[n].Root.Owner() == number {
			n++
		}
		f(w.owners.at(number), us[:n])
		us = us[n:]
	}
}

// apply changes the words of trees by edges that lie at a worker, wherever the
// trees are owned.
func (w *Worker) apply(us []acker.Update, at uint64, now time.Time) {
	w.byOwner(us, func(o owner, us []acker.Update) {
		if o.ledger != nil {
			o.ledger.applyAt(us, at, now)
		} else {
			w.tell(o.worker, msgUpdates, appendUpdates(nil, o.task, at, 0, us))
		}
	})
}

// move notes that edges, counted for one worker, are now counted for another.
func (w *Worker) move(us []acker.Update, from, to uint64) {
	if len(us) == 0 || from == to {
		return
	}
	w.byOwner(us, func(o owner, us []acker.Update) {
		if o.ledger != nil {
			o.ledger.move(us, from, to)
		} else {
			w.tell(o.worker, msgMoves, appendUpdates(nil, o.task, from, to, us))
		}
	})
}

// failRoot fails a tree, wherever it is owned.
func (w *Worker) failRoot(root acker.Root, f failure) {
	if root == 0 {
		return
	}
	if o := w.owners.at(root.Owner()); o.ledger != nil {
		o.ledger.fail(root, f)
	} else {
		w.tell(o.worker, msgFail, appendFailure(nil, o.task, root, f))
	}
}

// touch restarts the clocks of trees.
func (w *Worker) touch(roots []acker.Root) {
	for len(roots) > 0 {
		number, n := roots[0].Owner(), 1
		for n < len(roots) && roots[n].Owner() == number {
			n++
		}
		if o := w.owners.at(number); roots[0] == 0 {
			// not tracked
		} else if o.ledger != nil {
			o.ledger.touch(roots[:n])
		} else {
			w.tell(o.worker, msgTouch, appendRoots(nil, o.task, roots[:n]))
		}
		roots = roots[n:]
	}
}

func (l *ledger) touch(roots []acker.Root) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range roots {
		l.table.Touch(r)
	}
}

// applyAt is apply for edges that lie at a worker. If that is gone by then, the
// trees that are left fail: whoever lost it may not have seen these edges.
func (l *ledger) applyAt(us []acker.Update, worker uint64, now time.Time) {
	l.apply(us, l.w.place(worker), now)
	l.loseIfDead(us, worker)
}

// move notes that edges, counted for one worker, are now counted for another.
func (l *ledger) move(us []acker.Update, from, to uint64) {
	a, b := l.w.place(from), l.w.place(to)
	l.mu.Lock()
	l.table.Move(us, a, b)
	l.mu.Unlock()
	l.loseIfDead(us, to)
}

// loseIfDead fails trees that have just got edges at a worker, if that is gone.
// It is asked after they did: if it is not gone yet, lose will find them.
func (l *ledger) loseIfDead(us []acker.Update, worker uint64) {
	if worker == l.w.self || !l.w.isDead(worker) {
		return
	}
	for _, u := range us {
		l.fail(u.Root, lostWith(worker))
	}
}

// lostWith is why trees fail that had rows at a worker which is gone.
func lostWith(worker uint64) failure {
	return failure{cause: acker.Lost, text: fmt.Sprintf("worker %016x, which had rows of it, is gone", worker)}
}

// lose fails all trees that have edges at a worker that is gone.
func (l *ledger) lose(worker uint64) {
	at := l.w.place(worker)
	l.mu.Lock()
	roots := l.table.Leave(at, nil)
	l.mu.Unlock()
	for _, r := range roots {
		l.fail(r, lostWith(worker))
	}
}
