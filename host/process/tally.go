package process

import (
	"sync"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// tally adds up the states of a worker's tasks by component. Its methods may be
// called concurrently.
type tally struct {
	changed func() // called after each change, with no lock held

	mu    sync.Mutex
	order []topology.ComponentID // guarded by mu
	tasks map[topology.TaskID]*taskTally
	of    map[topology.TaskID]topology.ComponentID
}

type taskTally struct {
	ready  bool
	ever   bool // it has been ready
	deaths int  // before it was
	why    string
}

func newTally(changed func()) *tally { return &tally{changed: changed} }

// init lists the tasks of a topology, and which of them are this worker's.
func (t *tally) init(top *topology.Topology, a *cluster.Assignment, self cluster.Place) {
	t.mu.Lock()
	t.of = map[topology.TaskID]topology.ComponentID{}
	for _, c := range top.Components {
		t.order = append(t.order, c.ID)
	}
	for _, task := range top.Tasks() {
		t.of[task.ID] = task.Component.ID
	}
	t.tasks = map[topology.TaskID]*taskTally{}
	t.mu.Unlock()
	t.assign(a, self)
}

// assign makes the tasks of this worker those that an assignment says.
func (t *tally) assign(a *cluster.Assignment, self cluster.Place) {
	number, _ := a.Worker(self)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, at := range a.Tasks {
		id := topology.TaskID(i + 1)
		if at != number {
			delete(t.tasks, id)
		} else if t.tasks[id] == nil {
			t.tasks[id] = &taskTally{}
		}
	}
}

// state takes a task's new state.
func (t *tally) state(s TaskState) {
	t.mu.Lock()
	task := t.tasks[s.Task]
	if task == nil {
		t.mu.Unlock()
		return // it is being stopped
	}
	task.ready, task.ever, task.why = s.Ready, task.ever || s.Ready, s.Why
	if s.Died && !task.ever {
		task.deaths++
	}
	t.mu.Unlock()
	t.changed()
}

// components returns the sums, in the order of the topology.
func (t *tally) components() []cluster.ComponentReport {
	t.mu.Lock()
	defer t.mu.Unlock()
	sums := map[topology.ComponentID]*cluster.ComponentReport{}
	for id, task := range t.tasks {
		c := sums[t.of[id]]
		if c == nil {
			c = &cluster.ComponentReport{Component: t.of[id]}
			sums[t.of[id]] = c
		}
		c.Tasks++
		if task.ready {
			c.Ready++
		}
		if task.ever {
			c.Started++
		}
		c.Deaths = max(c.Deaths, task.deaths)
		if task.why != "" && (c.Why == "" || task.why < c.Why) { // whatever order a map has
			c.Why = cluster.Cut(task.why, maxWhy)
		}
	}
	var list []cluster.ComponentReport
	for _, id := range t.order {
		if c := sums[id]; c != nil {
			list = append(list, *c)
		}
	}
	return list
}

// maxWhy bounds a reason in a report, in bytes.
const maxWhy = 1000
