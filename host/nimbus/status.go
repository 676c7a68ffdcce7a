package nimbus

import (
	"fmt"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// shown is the run that a list shows: the one that serves, else the one that is
// brought up.
func shown(v *view) *runView {
	if r := v.serving(); r != nil {
		return r
	}
	if v.top.Change != nil {
		return v.run(v.top.Change.Run)
	}
	return nil
}

// summary is a topology in a list.
func summary(w *world, v *view) api.Topology {
	t := api.Topology{Name: v.top.Name}
	t.State, t.Why = state(w, v)
	if r := shown(v); r != nil {
		t.Run, t.Version, t.Deployed = r.run.ID.Number, r.run.Version, r.run.Created
		t.Workers, t.Wanted, t.Tasks = len(r.assignment.Workers), r.def.Config.Workers, len(r.assignment.Tasks)
	}
	return t
}

// The states of a topology that is to run and does, and of one that does not do so in every part.
const (
	stateActive   = "active"
	stateImpaired = "impaired"
)

// state words what a topology does, and the reason if it is not what was wanted.
func state(w *world, v *view) (state, why string) {
	if ch := v.top.Change; ch != nil {
		return changing(v, ch)
	}
	r := v.serving()
	if r == nil {
		if v.top.Last != nil {
			return "failed", v.top.Last.Why
		}
		return "empty", ""
	}
	state = stateActive
	if !v.top.Active {
		state = "inactive"
	}
	if short := r.short(); short > 0 && len(r.assignment.Workers) == 0 {
		return "waiting", slotsShort(short)
	}
	var reasons []string
	for _, c := range r.components() {
		if c.Why != "" {
			reasons = append(reasons, fmt.Sprintf("%s: %s", c.Component, c.Why))
		}
	}
	if missing := r.missing(w); missing != "" {
		reasons = append(reasons, missing)
	}
	if short := r.short(); short > 0 {
		reasons = append(reasons, slotsShort(short))
	}
	if len(reasons) > 0 {
		state = stateImpaired
	}
	return state, strings.Join(reasons, "; ")
}

func changing(v *view, ch *cluster.Change) (state, why string) {
	words := map[cluster.ChangeKind]string{cluster.Deploy: "deploying", cluster.Rollback: "rolling back", cluster.Rebalance: "rebalancing", cluster.Kill: "ending"}
	if ch.Why != "" {
		return "undoing " + string(ch.Kind), ch.Why
	}
	r := v.run(ch.Run)
	if r == nil {
		return words[ch.Kind], string(ch.Step)
	}
	if short := r.short(); short > 0 {
		return words[ch.Kind], "waiting: " + slotsShort(short)
	}
	mode := cluster.Staged
	if ch.Step != cluster.Stage {
		mode = desired(&v.top)
	}
	return words[ch.Kind], strings.Join(append([]string{string(ch.Step)}, r.behind(mode)...), "; ")
}

func slotsShort(n int) string {
	if n == 1 {
		return "1 slot short"
	}
	return fmt.Sprintf("%d slots short", n)
}

// short tells how many slots are missing for the workers that are wanted.
func (r *runView) short() int {
	return max(0, min(r.def.Config.Workers, len(r.assignment.Tasks))-len(r.assignment.Workers))
}

// missing names workers that do not live, empty if all do.
func (r *runView) missing(w *world) string {
	var list []string
	for _, at := range r.assignment.Workers {
		if !r.workers[at.Place].alive() {
			host := "a supervisor that is gone"
			if s, ok := w.supervisors[at.Place.Supervisor]; ok {
				host = s.Host
			}
			list = append(list, fmt.Sprintf("no worker in slot %d of %s", at.Place.Slot, host))
		}
	}
	return strings.Join(list, "; ")
}

// components adds up the tasks of a run over its workers.
func (r *runView) components() []api.ComponentStatus {
	ready, why := map[topology.ComponentID]int{}, map[topology.ComponentID]string{}
	r.reports(func(_ cluster.Worker, rep *cluster.Report) {
		if rep == nil {
			return
		}
		for _, c := range rep.Components {
			ready[c.Component] += c.Ready
			if why[c.Component] == "" {
				why[c.Component] = c.Why
			}
		}
	})
	var list []api.ComponentStatus
	for _, c := range r.def.Components {
		s := api.ComponentStatus{Component: c.ID, Kind: c.Kind.String(), Tasks: c.Parallelism, Ready: ready[c.ID], Why: why[c.ID], State: "ready"}
		if s.Ready < s.Tasks {
			s.State = "starting"
			if state, _, found := strings.Cut(s.Why, ":"); found && strings.HasPrefix(state, "crash loop") {
				s.State = "crash loop"
			}
		}
		list = append(list, s)
	}
	return list
}

// status is all that is known of a topology.
func status(w *world, v *view) *api.Status {
	s := &api.Status{Topology: summary(w, v), Components: []api.ComponentStatus{}, WorkerList: []api.WorkerStatus{}, Versions: []api.Version{}}
	if r := shown(v); r != nil {
		s.Components, s.LogLevels = r.components(), levels(r, w.now)
	}
	if ch := v.top.Change; ch != nil {
		s.Change = &api.Change{ID: string(ch.ID), Kind: string(ch.Kind), Step: string(ch.Step), Run: ch.Run, Started: ch.Started, Why: ch.Why}
		if r := v.run(ch.Run); r != nil {
			s.Change.Components = r.components()
			if ch.Step == cluster.Stage {
				s.Change.Waiting = r.behind(cluster.Staged)
			}
		}
	}
	if o := v.top.Last; o != nil {
		s.Last = &api.Outcome{ID: string(o.ID), Kind: string(o.Kind), OK: o.OK, Why: o.Why, Run: o.Run, Ended: o.Ended, Took: o.Ended.Sub(o.Started), Gap: time.Duration(o.Gap)}
	}
	for _, r := range v.inOrder() {
		for number, at := range r.assignment.Workers {
			s.WorkerList = append(s.WorkerList, workerStatus(w, r, number, at))
		}
	}
	return s
}

func workerStatus(w *world, r *runView, number int, at cluster.Worker) api.WorkerStatus {
	s := api.WorkerStatus{Place: at.Place.String(), Supervisor: string(at.Place.Supervisor), Slot: at.Place.Slot, Run: r.run.ID.Number, State: "gone"}
	if sup, ok := w.supervisors[at.Place.Supervisor]; ok {
		s.Host, s.State = sup.Host, "starting"
	}
	for _, task := range r.assignment.Tasks {
		if task == number {
			s.Tasks++
		}
	}
	worker := r.workers[at.Place]
	if worker.alive() {
		last := worker.state.Alive[len(worker.state.Alive)-1]
		s.Host, s.PID, s.Started, s.State = last.Host, last.PID, last.Started, "starting"
	}
	if worker != nil && worker.state.Bad != nil {
		s.Why = worker.state.Bad.Error()
	}
	if rep := worker.report(); rep != nil {
		s.State = "starting"
		if rep.Mode != "" {
			s.State = string(rep.Mode)
		}
		s.Why = rep.Fatal
		for _, a := range worker.state.Alive {
			if a.Incarnation == rep.Incarnation {
				s.PID, s.Started = a.PID, a.Started
			}
		}
	}
	return s
}
