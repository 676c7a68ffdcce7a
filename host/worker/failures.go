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

// repeatEvery is how often a repeated failure is told again, with its count.
const repeatEvery = time.Second

// maxKinds bounds the kinds of failures that are told apart.
const maxKinds = 1000

// failures counts failures by kind, so that each is shown once with all it
// knows and a thousand equal ones cost a line a second.
type failures struct {
	mu    sync.Mutex
	kinds map[failureKind]*Failure
	told  map[failureKind]time.Time
}

type failureKind struct {
	component topology.ComponentID
	typ       string
	place     string
}

func (f *failures) init() {
	f.kinds, f.told = map[failureKind]*Failure{}, map[failureKind]time.Time{}
}

// add counts a failure; tell says whether it is to be shown now, and how.
func (f *failures) add(x Failure) (out Failure, tell bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := failureKind{x.Component, x.Kind + " " + x.Type, x.Place}
	first := f.kinds[kind]
	if first == nil {
		if len(f.kinds) >= maxKinds {
			kind = failureKind{component: x.Component, typ: "other"}
			first = f.kinds[kind]
		}
		if first == nil {
			x.Count = 1
			f.kinds[kind], f.told[kind] = &x, x.Time
			return x, true
		}
	}
	first.Count++
	if x.Time.Sub(f.told[kind]) < repeatEvery {
		return Failure{}, false
	}
	f.told[kind] = x.Time
	x.Count, x.Traceback = first.Count, ""
	return x, true
}

// all returns one failure of each kind: the first, with the count.
func (f *failures) all() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Failure
	for _, x := range f.kinds {
		out = append(out, *x)
	}
	return out
}

// Failures returns one failure of each kind that there was: the first, with
// the count of all.
func (w *Worker) Failures() []Failure { return w.failures.all() }

// report takes an error that a task's child told, or that starting it met, and
// the row that it is of.
func (w *Worker) report(t *task, e *multilang.Error, of culprit) {
	t.stats.errors.Add(1)
	x := Failure{Time: time.Now(), Component: t.comp.ID, Task: t.id, Kind: e.Kind, Type: e.Type, Message: e.Message, Place: e.Place, Traceback: e.Traceback}
	if out, tell := w.failures.add(x); tell {
		of.tell(w, &out)
		w.opts.Observer.Failure(out)
	}
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
	if !ready {
		message += ", before it was ready"
	}
	x := Failure{Time: e.Ended, Component: t.comp.ID, Task: t.id, Kind: "exit", Type: how, Message: message, Traceback: tail(e)}
	if out, tell := w.failures.add(x); tell {
		of.tell(w, &out)
		w.opts.Observer.Failure(out)
	}
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
