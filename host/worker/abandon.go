package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
)

// GivenUp is what was in flight when a run that had been told to end got nothing
// done any more. Its tuples are dead, or failed back to their spouts.
type GivenUp struct {
	Tuples int           `json:"tuples"`
	Rows   int64         `json:"rows"`  // in queues and children, those that nobody tracks included
	After  time.Duration `json:"after"` // nothing got done for so long
	Where  []Holding     `json:"where"` // in the order of the topology
}

// Holding is what of it a component had.
type Holding struct {
	Component topology.ComponentID `json:"component"`
	Queued    int                  `json:"queued,omitempty"`   // rows that waited for it
	InChild   int                  `json:"in_child,omitempty"` // rows that were handed over and not answered
	Held      int                  `json:"held,omitempty"`     // rows that user code was to ack later
	Failed    int                  `json:"failed,omitempty"`   // tuples that had failed there, and were to be sent again
}

// headway is what shows whether anything gets done.
type headway struct {
	done int64 // trees that have ended
	load int64 // rows in inboxes and children
	kept int   // trees that have not ended
}

// stuckSince tells whether nothing has got done since before: no tree has ended,
// or, of what nobody tracks, no row has.
func (h headway) stuckSince(before headway) bool {
	return h.done == before.done && (h.kept > 0 || h.load >= before.load)
}

func (h headway) idle() bool { return h.kept == 0 && h.load == 0 }

func (w *Worker) headway() headway {
	s := w.Summary()
	return headway{done: s.Acked + s.Dead, load: w.load.Load(), kept: int(s.Abandoned)}
}

// watchDrain sees to it that a drain ends.
func (w *Worker) watchDrain(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-w.draining:
	}
	limit := w.opts.DrainTimeout
	if limit <= 0 {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for before := w.headway(); ; timer.Reset(limit) {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := w.headway()
		switch {
		case !now.stuckSince(before):
		case now.idle() && w.ending.Load(): // components stop, for which each has a limit of its own
		default:
			w.abandon()
			return
		}
		before = now
	}
}

// abandon gives up whatever is in flight, and lets the components be stopped.
func (w *Worker) abandon() {
	g := &GivenUp{Rows: w.load.Load(), After: w.opts.DrainTimeout, Where: w.holdings()}
	why := fmt.Sprintf("the run was told to end, and for %s nothing of what was in flight got done", g.After)
	for _, l := range w.localLedgers() {
		n, failed := l.giveUp(failure{cause: acker.Stopped, text: why})
		g.Tuples += n
		for _, id := range failed {
			if id == "" {
				id = l.t.comp.ID // a timeout that nobody is to blame for
			}
			at := slices.IndexFunc(g.Where, func(h Holding) bool { return h.Component == id })
			g.Where[at].Failed++
		}
	}
	g.Where = slices.DeleteFunc(g.Where, func(h Holding) bool { return h == Holding{Component: h.Component} })
	if g.Tuples > 0 || g.Rows > 0 {
		w.givenUp.Store(g)
	}
	for _, c := range w.components {
		w.closeInboxes(c, false) // its tasks may still say what comes of it
	}
	close(w.hurry)
}

// holdings tells what each component has of the rows in flight.
func (w *Worker) holdings() []Holding {
	list := make([]Holding, len(w.components))
	for i, c := range w.components {
		list[i].Component = c.ID
		for _, in := range slices.Concat(c.inboxes, *c.pools.Load()) {
			_, rows := in.peek()
			list[i].Queued += rows
		}
		for _, t := range w.tasksOf(c) {
			list[i].InChild += int(t.busy.Load())
			t.mu.Lock()
			list[i].Held += len(t.held)
			t.mu.Unlock()
		}
	}
	return list
}

// String lists what a component had, as in "2 queued, 1 held".
func (h Holding) String() string {
	text := ""
	for _, x := range []struct {
		n    int
		what string
	}{{h.Queued, "queued"}, {h.InChild, "in work"}, {h.Held, "held"}, {h.Failed, "failed and to be sent again"}} {
		if x.n > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%d %s", x.n, x.what)
		}
	}
	return fmt.Sprintf("%s: %s", h.Component, text)
}
