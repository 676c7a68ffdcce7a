package nimbus

import (
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
)

// plan is what is to be done for a topology now. Its parts are done in this
// order; each may be done again.
type plan struct {
	batch  cluster.Batch
	runs   []cluster.RunID // leftovers to delete
	gone   bool            // nothing of the topology is wanted any more: delete it
	wake   time.Time       // look again then; zero: when something changes
	shun   []cluster.Place // where nothing is to be placed for a while
	events []string        // what the batch means, for the log
}

// idle tells whether there is nothing to do.
func (p *plan) idle() bool { return p.batch.Empty() && len(p.runs) == 0 && !p.gone }

// next decides what is to be done for a topology.
func next(w *world, v *view) *plan {
	p := &plan{}
	if v.top.Change != nil {
		advance(w, v, p)
	} else {
		w.maintain(v, v.serving(), p)
	}
	if p.batch.Empty() && !p.gone {
		p.runs = leftovers(w, v)
	}
	return p
}

// advance takes a change one step on, if it can be.
func advance(w *world, v *view, p *plan) {
	c := begin(w, v, &p.batch)
	rule := machine[c.c.Step]
	verdict := rule.check(c)
	switch {
	case verdict.failed != "" && rule.undo != "":
		c.c.Why = cluster.Cut(verdict.failed, 4<<10)
		c.enter(rule.undo)
	case verdict.done && rule.then != "":
		c.enter(rule.then)
	case verdict.done:
		p.gone = c.finish()
	default:
		// While a change waits, what it waits for may have to move.
		p.wake = verdict.until
		c.maintain(p)
		return
	}
	if !p.gone {
		p.events = append(p.events, c.describe())
		p.batch.SetTopology(&c.t, v.version)
	}
}

// maintain keeps the runs of a change placed that are to run in its step.
func (c *change) maintain(p *plan) {
	if c.c.Kind == cluster.Kill {
		return
	}
	c.w.maintain(c.v, c.v.serving(), p)
	if r := c.new(); p.batch.Empty() && r != c.v.serving() && slices.Contains([]cluster.Step{cluster.Stage, cluster.Drain, cluster.Switch}, c.c.Step) {
		c.w.maintain(c.v, r, p)
		if homeless(r) && !p.batch.Empty() { // the time that it has to start begins when it can
			c.c.Entered = c.w.now
			p.batch.SetTopology(&c.t, c.v.version)
		}
	}
}

// homeless tells whether a run waits for its first slot.
func homeless(r *runView) bool { return r != nil && len(r.assignment.Workers) == 0 }

// begin makes a change of the one that is saved.
func begin(w *world, v *view, b *cluster.Batch) *change {
	c := &change{w: w, v: v, t: v.top, b: b}
	saved := *v.top.Change
	c.c = &saved
	c.t.Change = c.c
	return c
}

// enter goes to another step.
func (c *change) enter(s cluster.Step) {
	c.c.Step, c.c.Entered = s, c.w.now
	if f := machine[s].enter; f != nil {
		f(c)
	}
}

// finish ends the change. It returns whether the topology is to go.
func (c *change) finish() (gone bool) {
	if c.c.Kind == cluster.Kill {
		return true
	}
	o := &cluster.Outcome{ID: c.c.ID, Kind: c.c.Kind, OK: c.c.Step == cluster.Retire, Why: c.c.Why, Run: c.c.Run, Started: c.c.Started, Ended: c.w.now}
	if o.OK && !c.c.Paused.IsZero() {
		o.Gap = cluster.Duration(c.c.Entered.Sub(c.c.Paused)) // Retire is entered when the new spouts run
	}
	if !o.OK {
		c.setMode(c.old(), desired(&c.t))
	}
	c.t.Last, c.t.Change = o, nil
	c.prune(o.OK)
	return false
}

// prune deletes versions that are not kept: those that failed, and the oldest.
func (c *change) prune(ok bool) {
	used := map[int]bool{}
	for _, r := range c.v.runs {
		if ok || r.run.ID.Number != c.c.Run {
			used[r.run.Version] = true
		}
	}
	keep := c.w.rules.Versions
	for i := len(c.v.versions) - 1; i >= 0; i-- {
		n := c.v.versions[i]
		failed := !ok && c.c.Kind == cluster.Deploy && c.new() != nil && n == c.new().run.Version
		if !failed && keep > 0 {
			keep--
			continue
		}
		if !used[n] {
			c.b.DeleteVersion(c.t.Name, n)
		}
	}
}

func (c *change) describe() string {
	if c.t.Change == nil {
		if c.t.Last.OK {
			return string(c.t.Last.Kind) + " done"
		}
		return string(c.t.Last.Kind) + " failed: " + c.t.Last.Why
	}
	return string(c.c.Kind) + ": " + string(c.c.Step)
}

// leftovers lists runs that nothing refers to and nobody works for any more.
func leftovers(w *world, v *view) []cluster.RunID {
	var list []cluster.RunID
	for _, r := range v.all() {
		if !v.referenced(r.run.ID.Number) && r.living() == 0 && len(w.placesOf(r.run.ID)) == 0 {
			list = append(list, r.run.ID)
		}
	}
	return list
}
