package nimbus

import (
	"maps"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// world is all that decisions are made from.
type world struct {
	rules       Rules
	now         time.Time
	supervisors map[cluster.SupervisorID]cluster.Supervisor // that live
	topologies  map[topology.Name]*view

	// placed is what supervisors have been told to run.
	placed map[cluster.Place]cluster.Placement

	// since is when a supervisor that is not there was last seen, or the time
	// before which nobody's absence is believed.
	since map[cluster.SupervisorID]time.Time

	// shunned are places where a worker could not live, and until when.
	shunned map[cluster.Place]time.Time

	// believe is from when on a missing ephemeral means that its owner is gone.
	believe time.Time
}

// view is a topology as the coordinator has it.
type view struct {
	top      cluster.Topology
	version  int32 // of its node
	versions []int
	runs     map[int]*runView

	// husks are runs of which something is missing: the last leader died while
	// it removed them. Nothing of them counts; the rest is to be removed.
	husks []*runView
}

// runView is a run with its workers.
type runView struct {
	run               cluster.Run
	version           int32
	assignment        cluster.Assignment
	assignmentVersion int32
	def               *topology.Topology
	nodes             map[cluster.Place]bool // workers that have a node
	workers           map[cluster.Place]*workerView
}

// workerView is what is known of the worker in a place.
type workerView struct {
	state cluster.WorkerState
	since time.Time // since when none of its processes lives; zero while one does
}

// alive tells whether a process of the worker lives.
func (w *workerView) alive() bool { return w != nil && len(w.state.Alive) > 0 }

// report returns what the living process tells, nil if it has told nothing yet.
// If none lives it is the reason for that: the last words of the one that ended,
// or its supervisor's, which could not start one.
func (w *workerView) report() *cluster.Report {
	if w == nil || w.state.Report == nil {
		return nil
	}
	if !w.alive() && w.state.Report.Fatal != "" {
		return w.state.Report
	}
	for _, a := range w.state.Alive {
		if a.Incarnation == w.state.Report.Incarnation {
			return w.state.Report
		}
	}
	return nil
}

// answer returns what the living process in a place says to the run's present
// order; nil if it has not heard of that yet. A report from before tells nothing of
// what the process does now.
func (r *runView) answer(w *workerView) *cluster.Report {
	if rep := w.report(); rep != nil && rep.Order >= r.version {
		return rep
	}
	return nil
}

// run returns a run of the topology by its number, nil if there is none.
func (v *view) run(number int) *runView { return v.runs[number] }

// serving returns the run that serves, nil if none does.
func (v *view) serving() *runView { return v.runs[v.top.Serving] }

// inOrder lists the runs by number.
func (v *view) inOrder() []*runView {
	var list []*runView
	for _, n := range slices.Sorted(maps.Keys(v.runs)) {
		list = append(list, v.runs[n])
	}
	return list
}

// all lists the runs, husks included.
func (v *view) all() []*runView { return append(v.inOrder(), v.husks...) }

// known returns a run, or a husk, by its number; nil if there is none, or no topology.
func (v *view) known(number int) *runView {
	if v == nil {
		return nil
	}
	for _, r := range v.all() {
		if r.run.ID.Number == number {
			return r
		}
	}
	return nil
}

// desired is the mode that the run which serves is to be in.
func desired(t *cluster.Topology) cluster.Mode {
	if t.Active {
		return cluster.Active
	}
	return cluster.Inactive
}

// referenced tells whether a run serves or is being brought up; others are
// leftovers.
func (v *view) referenced(number int) bool {
	return number == v.top.Serving || v.top.Change != nil && number == v.top.Change.Run
}

// reports calls f with the report of each worker that the assignment names, nil
// if there is none.
func (r *runView) reports(f func(cluster.Worker, *cluster.Report)) {
	for _, w := range r.assignment.Workers {
		f(w, r.workers[w.Place].report())
	}
}

// living counts the processes of a run, those in places it has left included.
func (r *runView) living() int {
	n := 0
	for _, w := range r.workers {
		n += len(w.state.Alive)
	}
	return n
}

// placesOf lists the places that supervisors have been told to run a run's workers in.
func (w *world) placesOf(id cluster.RunID) []cluster.Place {
	var list []cluster.Place
	for place, p := range w.placed {
		if p.Run == id {
			list = append(list, place)
		}
	}
	slices.SortFunc(list, cluster.Place.Compare)
	return list
}

// occupied tells which lanes of which slots are in use by any run. A run that
// was told to stop holds its places until its node is gone.
func (w *world) occupied() map[cluster.Place]cluster.RunID {
	used := map[cluster.Place]cluster.RunID{}
	for place, p := range w.placed {
		used[place] = p.Run
	}
	for _, v := range w.topologies {
		for _, r := range v.runs {
			for _, at := range r.assignment.Workers {
				used[at.Place] = r.run.ID
			}
		}
	}
	return used
}
