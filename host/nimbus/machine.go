package nimbus

import (
	"fmt"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
)

// rule is what there is to know of a step.
type rule struct {
	enter func(*change)         // what is written together with the step
	check func(*change) verdict // whether the step is over
	then  cluster.Step          // what follows; "" ends the change
	undo  cluster.Step          // what follows a failure; "" where there is none
}

// machine is the table of all steps. Kill begins with Quiesce, all other changes
// with Stage. The diagram in docs/operations.md is printed from it.
var machine map[cluster.Step]rule

func init() { // its functions refer to it
	machine = map[cluster.Step]rule{
		cluster.Stage:   {enter: nil, check: staged, then: cluster.Drain, undo: cluster.Abandon},
		cluster.Drain:   {enter: pauseOld, check: drained, then: cluster.Switch, undo: cluster.Abandon},
		cluster.Switch:  {enter: activateNew, check: activated, then: cluster.Retire, undo: cluster.Revert},
		cluster.Retire:  {enter: promote, check: oldGone},
		cluster.Revert:  {enter: pauseNew, check: newPaused, then: cluster.Abandon},
		cluster.Abandon: {enter: giveUp, check: newGone},
		cluster.Quiesce: {enter: pauseAll, check: quiet, then: cluster.Vanish},
		cluster.Vanish:  {enter: unplaceAll, check: allGone},
	}
}

// change is a change under way, with what it is judged by and what it writes.
type change struct {
	w *world
	v *view
	t cluster.Topology // the record as it will be
	c *cluster.Change  // t.Change
	b *cluster.Batch
}

// verdict is what a check says.
type verdict struct {
	done   bool
	failed string    // why, if the step cannot succeed any more
	until  time.Time // if neither: look again then, at the latest; zero: only when something changes
}

// Limits on what cannot be waited for without end.
const (
	pauseLimit = 30 * time.Second // for spouts to say that they pause
	goneLimit  = 60 * time.Second // for workers to end; their supervisor kills them earlier
)

// old returns the run that serves, while another is brought up; nil if there is none.
func (c *change) old() *runView {
	if c.t.Serving == c.c.Run {
		return nil
	}
	return c.v.run(c.t.Serving)
}

func (c *change) new() *runView { return c.v.run(c.c.Run) }

// setMode gives a run another mode, if it is there and in a different one.
func (c *change) setMode(r *runView, mode cluster.Mode) {
	if r == nil || r.run.Mode == mode {
		return
	}
	run := r.run
	run.Mode = mode
	c.b.SetRun(&run, r.version)
}

func (c *change) unplace(r *runView) {
	if r == nil {
		return
	}
	for _, place := range c.w.placesOf(r.run.ID) {
		c.b.Unplace(place)
	}
}

// staged waits for every worker of the new run to have started its children.
func staged(c *change) verdict {
	if homeless(c.new()) {
		return verdict{} // whoever did not want to wait for slots was refused
	}
	return c.reached(c.new(), cluster.Staged, "not ready")
}

// reached judges whether all workers of a run are in a mode.
func (c *change) reached(r *runView, mode cluster.Mode, what string) verdict {
	if why := r.fatal(); why != "" {
		return verdict{failed: why}
	}
	waiting := r.behind(mode)
	if len(waiting) == 0 {
		return verdict{done: true}
	}
	deadline := c.c.Entered.Add(time.Duration(c.c.Timeout))
	if !c.w.now.Before(deadline) {
		return verdict{failed: fmt.Sprintf("%s within %v: %s", what, time.Duration(c.c.Timeout), strings.Join(waiting, "; "))}
	}
	return verdict{until: deadline}
}

func pauseOld(c *change) {
	if old := c.old(); old != nil {
		c.setMode(old, cluster.Inactive)
		c.c.Paused = c.w.now
	}
}

// drained waits until the old run's trees are done, or for as long as the user
// gave. Nobody may be activated before the old spouts have said that they
// pause: without that the change fails.
func drained(c *change) verdict {
	old := c.old()
	if old == nil {
		return verdict{done: true}
	}
	if v := c.paused(old); !v.done {
		return v
	}
	return c.idle(old, time.Duration(c.c.Drain))
}

// paused waits until every living worker of a run has paused its spouts. One
// that answers the order has: a spout that runs has been told, and any other is
// told before it may emit. What does not come up any more, whether spout or
// bolt, must not keep its run from being replaced.
func (c *change) paused(r *runView) verdict {
	limit := c.c.Entered.Add(pauseLimit)
	for place, w := range r.workers {
		if !w.alive() {
			if until := w.since.Add(c.w.rules.Gone); c.w.now.Before(until) {
				return verdict{until: until} // it may live, and not know
			}
			continue
		}
		if r.answer(w) == nil {
			if c.w.now.Before(limit) {
				return verdict{until: limit}
			}
			return verdict{failed: fmt.Sprintf("the worker in %s of run %s did not say within %v that its spouts pause", place, r.run.ID, pauseLimit)}
		}
	}
	return verdict{done: true}
}

// idle waits until nothing of a run's spouts is in flight, for a time.
func (c *change) idle(r *runView, limit time.Duration) verdict {
	until := c.c.Entered.Add(limit)
	if !c.w.now.Before(until) {
		return verdict{done: true}
	}
	for _, w := range r.workers {
		if rep := r.answer(w); w.alive() && (rep == nil || !rep.Idle) {
			return verdict{until: until}
		}
	}
	return verdict{done: true}
}

func activateNew(c *change) { c.setMode(c.new(), desired(&c.t)) }

func activated(c *change) verdict {
	return c.reached(c.new(), desired(&c.t), "its spouts did not start")
}

// promote makes the new run the one that serves, and tells the old one's workers to stop.
func promote(c *change) {
	c.unplace(c.old())
	c.t.Serving = c.c.Run
}

// oldGone waits until no process is left of any run but the new one.
func oldGone(c *change) verdict {
	for _, r := range c.v.runs {
		if r.run.ID.Number != c.c.Run {
			if v := c.gone(r); !v.done {
				return v
			}
		}
	}
	return verdict{done: true}
}

func (c *change) gone(r *runView) verdict {
	limit := c.c.Entered.Add(goneLimit)
	if r == nil || r.living() == 0 || !c.w.now.Before(limit) {
		return verdict{done: true}
	}
	return verdict{until: limit}
}

func pauseNew(c *change) { c.setMode(c.new(), cluster.Inactive) }

func newPaused(c *change) verdict {
	v := c.paused(c.new())
	v.done, v.failed = v.done || v.failed != "", "" // its workers are ended next, whatever they say
	return v
}

// giveUp tells the new run's workers to stop. The old run goes on at once if
// the new one's spouts never ran, or have paused; else when they are gone.
func giveUp(c *change) {
	c.unplace(c.new())
	if c.v.top.Change.Step != cluster.Revert || c.paused(c.new()).done {
		c.setMode(c.old(), desired(&c.t))
	}
}

func newGone(c *change) verdict { return c.gone(c.new()) }

func pauseAll(c *change) {
	for _, r := range c.v.inOrder() {
		c.setMode(r, cluster.Inactive)
	}
}

func quiet(c *change) verdict {
	for _, r := range c.v.runs {
		if v := c.idle(r, time.Duration(c.c.Drain)); !v.done {
			return v
		}
	}
	return verdict{done: true}
}

func unplaceAll(c *change) {
	for _, r := range c.v.inOrder() {
		c.unplace(r)
	}
}

func allGone(c *change) verdict {
	for _, r := range c.v.runs {
		if v := c.gone(r); !v.done {
			return v
		}
	}
	return verdict{done: true}
}
