package nimbus

import (
	"fmt"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
)

// hopeless is how many deaths of a task that was never ready make it one that
// will not start: the same as for `polybolt run`.
const hopeless = 3

// fatal returns why a run cannot come up, empty if it still can.
func (r *runView) fatal() (why string) {
	r.reports(func(at cluster.Worker, rep *cluster.Report) {
		if rep == nil || why != "" {
			return
		}
		if rep.Fatal != "" {
			why = fmt.Sprintf("the worker in %s: %s", at.Place, rep.Fatal)
			return
		}
		for _, c := range rep.Components {
			if c.Deaths >= hopeless {
				why = fmt.Sprintf("component %s cannot start: %s", c.Component, c.Why)
				return
			}
		}
	})
	return why
}

// behind lists what keeps a run from having reached a mode, empty if nothing does.
func (r *runView) behind(mode cluster.Mode) []string {
	var list []string
	for _, w := range r.assignment.Tasks {
		if w == cluster.Nowhere {
			list = append(list, "there is no slot for all tasks")
			break
		}
	}
	r.reports(func(at cluster.Worker, rep *cluster.Report) {
		switch {
		case rep == nil:
			list = append(list, fmt.Sprintf("no worker in %s yet", at.Place))
		case rep.Mode != mode || rep.Order < r.version || rep.Epoch < r.assignment.Epoch:
			list = append(list, unready(at.Place, rep))
		}
	})
	return list
}

// dead tells whether the work of a place is to move: its worker has been gone for
// long enough. If not, and it is gone, until says when it will have been.
func (w *world) dead(r *runView, place cluster.Place) (dead bool, until time.Time) {
	worker := r.workers[place]
	if worker.alive() {
		return false, until
	}
	since, grace := w.believe, w.rules.Start
	if worker == nil {
		return false, w.now.Add(grace)
	}
	since = later(since, worker.since)
	if worker.state.Report != nil {
		grace = w.rules.Gone // it has lived: its supervisor would have it back by then
	}
	if _, lives := w.supervisors[place.Supervisor]; !lives {
		since = later(since, w.since[place.Supervisor])
		grace = w.rules.Lost
	}
	until = since.Add(grace)
	return !w.now.Before(until), until
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sooner returns the earlier of two times; the zero time is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// unready words why a worker is not where it should be.
func unready(place cluster.Place, rep *cluster.Report) string {
	var parts []string
	for _, c := range rep.Components {
		if c.Ready < c.Tasks {
			text := fmt.Sprintf("%s %d of %d ready", c.Component, c.Ready, c.Tasks)
			if c.Why != "" {
				text += " (" + c.Why + ")"
			}
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return fmt.Sprintf("the worker in %s is not done yet", place)
	}
	return strings.Join(parts, ", ")
}
