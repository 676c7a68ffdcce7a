package worker

import (
	"math"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// Mode is what spouts are to do. Bolts run in every mode.
type Mode uint8

// The modes.
const (
	Staged   Mode = iota // they shake hands, and are not initialised
	Active               // they emit
	Inactive             // they pause, and trees finish
)

// setMode tells a spout what it is to do.
func (t *task) setMode(m Mode) {
	t.mu.Lock()
	before := t.spout.mode
	t.spout.mode = m
	if t.ledger == nil || before == m {
		t.mu.Unlock()
		return
	}
	begins := t.state == Prepared && m != Staged
	if begins {
		t.begin()
		t.state = Starting
	}
	if t.state == Running {
		t.signalMode()
	}
	t.mu.Unlock()
	if begins {
		t.setState(Starting, "")
	}
	t.poke()
}

// rest ends what an active spout is doing: there will be no more rows.
func (t *task) rest() {
	t.mu.Lock()
	active := t.spout.mode == Active
	t.mu.Unlock()
	if active {
		t.setMode(Inactive)
	}
}

// begin has a child that has shaken hands initialise its component. mu is held.
func (t *task) begin() {
	t.begun = time.Now()
	t.signal(multilang.TypeStart)
}

// signalMode tells a spout that is ready whether it may emit. mu is held.
func (t *task) signalMode() {
	t.spout.rested, t.spout.mute = time.Time{}, false
	if t.spout.mode == Active {
		t.signal(multilang.TypeActivate)
	} else {
		t.spout.rested = time.Now()
		t.signal(multilang.TypeDeactivate)
	}
}

// Idle tells whether nothing is in flight in this worker, nor of its spouts
// anywhere. It stays so only while no spout here or elsewhere is active.
func (w *Worker) Idle() bool { return w.idle() }

// GiveUp gives up every tuple that is still kept: nobody will replay it here
// any more, because another version of the topology takes over, or none does.
// It is for spouts that are not active.
func (w *Worker) GiveUp(why string) {
	for _, l := range w.localLedgers() {
		l.giveUp(failure{cause: acker.Switched, text: why})
	}
	w.stir()
}

// giveUp gives up every tuple that is kept, and returns how many there were and
// where those that wait to be sent again have failed.
func (l *ledger) giveUp(f failure) (n int, failed []topology.ComponentID) {
	now := time.Now()
	var dead []*DeadTuple
	l.mu.Lock()
	trees := make([]acker.Tree, 0, l.table.Live()+len(l.replays))
	for _, r := range l.table.Roots(nil) {
		if tree, ok := l.table.Fail(r); ok {
			if tree.Attempts < math.MaxUint16 {
				tree.Attempts++ // the one that ends here
			}
			trees = append(trees, tree)
		}
	}
	live, replays := len(trees), l.replays
	for _, r := range replays {
		trees, failed = append(trees, r.tree), append(failed, r.failed)
	}
	l.replays = nil
	for i, tree := range trees {
		if k := &l.kept[tree.Frame]; k.back && k.wantsOutcome(tree.Row) {
			l.failBack(tree)
			continue
		}
		at := f
		if i >= live {
			last := replays[i-live]
			if at.component = last.failed; last.text != "" {
				at.text += "; the last attempt: " + last.text
			}
		}
		dead = append(dead, l.deadTuple(tree, at, now))
		l.sum.Dead++
		l.settle(tree, &l.told.dead)
	}
	l.mu.Unlock()
	for _, d := range dead {
		l.w.bury(d)
	}
	return len(trees), failed
}
