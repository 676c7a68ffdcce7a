package worker

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/shells"
)

const (
	// repeatEvery is how often a repeated failure is told again, with its count.
	repeatEvery = time.Second

	// maxKinds bounds the kinds of failures that are told apart.
	maxKinds = 1000

	// What the tuple of a failure looked like takes time to write down: of each
	// kind that is done wholeBurst times, and again every wholeEvery.
	wholeBurst = 10
	wholeEvery = 100 * time.Millisecond
)

// failures counts failures by kind, so that a thousand equal ones cost a line a
// second, and keeps the first and the last of each. What decides is pure: the
// time of a failure is now.
type failures struct {
	mu    sync.Mutex
	kinds map[failureKind]*telling                  // guarded by mu
	kept  map[topology.ComponentID]*componentRecord // guarded by mu
}

type failureKind struct {
	component topology.ComponentID
	typ       string
	place     string
}

// telling is how often there was a failure of a kind, and when it was told.
type telling struct {
	count  int64
	told   time.Time
	left   int       // failures of which all may be written down
	filled time.Time // when left grew last
}

func (f *failures) init() {
	f.kinds, f.kept = map[failureKind]*telling{}, map[topology.ComponentID]*componentRecord{}
}

func kindOf(x *Failure) failureKind { return failureKind{x.Component, x.Kind + " " + x.Type, x.Place} }

// telling returns that of a failure's kind. mu is held.
func (f *failures) telling(x *Failure) *telling {
	kind := kindOf(x)
	t := f.kinds[kind]
	if t == nil && len(f.kinds) >= maxKinds {
		kind = failureKind{component: x.Component, typ: "other"}
		t = f.kinds[kind]
	}
	if t == nil {
		t = &telling{left: wholeBurst, filled: x.Time}
		f.kinds[kind] = t
	}
	return t
}

// whole tells whether there is time to write down all that is known of a failure.
func (f *failures) whole(x *Failure) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.telling(x)
	if n := int64(x.Time.Sub(t.filled) / wholeEvery); n > 0 {
		t.left, t.filled = int(min(int64(t.left)+n, wholeBurst)), x.Time
	}
	if t.left == 0 {
		return false
	}
	t.left--
	return true
}

// add counts a failure, of which all is known or not, and keeps it if it is. It
// returns how many of its kind there were, and whether to tell of it now.
func (f *failures) add(x *Failure, whole bool) (count int64, tell bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.kept[x.Component]
	if r == nil {
		r = &componentRecord{}
		f.kept[x.Component] = r
	}
	r.add(x, whole)
	t := f.telling(x)
	t.count++
	if t.count > 1 && x.Time.Sub(t.told) < repeatEvery {
		return t.count, false
	}
	t.told = x.Time
	return t.count, true
}

// all returns what is kept of each component that failed.
func (f *failures) all() []ComponentFailures {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []ComponentFailures
	for id, r := range f.kept {
		out = append(out, ComponentFailures{id, r.count, r.list()})
	}
	return out
}

// Failures returns what is known of the failures of each component that had
// one, in no order.
func (w *Worker) Failures() []ComponentFailures { return w.failures.all() }

// tellFailure takes a failure, and the row that it is of.
func (w *Worker) tellFailure(x Failure, of culprit) {
	whole := w.failures.whole(&x)
	if whole {
		of.tell(w, &x)
	}
	count, tell := w.failures.add(&x, whole)
	if tell {
		x.Count = count
		w.opts.Observer.Failure(x)
	}
}

// report takes an error that a task's child told, or that starting it met, and
// the row that it is of.
func (w *Worker) report(t *task, e *multilang.Error, of culprit) {
	t.stats.errors.Add(1)
	w.tellFailure(Failure{Time: time.Now(), Component: t.comp.ID, Task: t.id, Kind: e.Kind, Type: e.Type, Message: e.Message, Place: e.Place, Traceback: e.Traceback}, of)
}

// exited reports the end of a child, unless it is the one that was asked for. A
// child that is told to stop and does not is one to tell of: its last words are lost.
func (w *Worker) exited(t *task, e *shells.Exit, ready bool, of culprit) {
	if t.isStopping() && (e.Clean() || !ready) || t.ledger != nil && t.isFinished() && e.Clean() {
		return
	}
	how := fmt.Sprintf("exit code %d", e.Code)
	if e.Signal != "" {
		how = e.Signal
	}
	message := e.String()
	if !t.isStopping() {
		message = t.describe(e, nil, ready)
	}
	w.tellFailure(Failure{Time: e.Ended, Component: t.comp.ID, Task: t.id, Kind: "exit", Type: how, Message: message, Traceback: tail(e)}, of)
}

// tail shows the record of a child's end with the last of what it wrote on stderr.
func tail(e *shells.Exit) string {
	var b strings.Builder
	fmt.Fprintf(&b, "command: %q\nfolder: %s\ninterpreter: %s\n", e.Command, e.Dir, e.Interpreter)
	if e.Unused > 0 {
		fmt.Fprintf(&b, "%d bytes of a message were cut off\n", e.Unused)
	}
	if len(e.Stderr) > 0 {
		fmt.Fprintf(&b, "stderr ends with:\n%s", strings.ToValidUTF8(string(e.Stderr), "\uFFFD"))
	}
	return b.String()
}

// failUnanswered fails the trees of the rows that a child has not answered, and
// returns how many rows have none.
func (t *task) failUnanswered(inflight []*frame, f failure) (untracked int) {
	for _, fr := range inflight {
		for row := fr.covered; row < fr.n; row++ {
			if fr.done[row] {
				continue
			}
			h := fr.hold(row, time.Time{})
			if t.failHeld(h, f); h.root == 0 {
				untracked++
			}
		}
	}
	return untracked
}

// failHeld fails the trees of one row.
func (t *task) failHeld(h heldRow, f failure) {
	t.w.failRoot(h.root, f)
	for _, x := range h.extras {
		t.w.failRoot(x, f)
	}
}
