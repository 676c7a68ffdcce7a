package cluster

// Assignment says which task of a run runs where. It is written by nimbus, and
// watched by the run's workers.
type Assignment struct {
	// Epoch grows with every assignment of the run. Links between workers carry it.
	Epoch int64 `json:"epoch"`

	Workers []Worker `json:"workers"` // sorted by place

	// Tasks has the number of its worker for every task, in the order of task
	// ids, which begin with 1; [Nowhere] for a task that no slot has room for.
	Tasks []int `json:"tasks"`
}

// Nowhere is the worker of a task that runs nowhere.
const Nowhere = -1

// Worker is where one worker of a run lives, and where its peers reach it.
type Worker struct {
	Place   Place  `json:"at"`
	Address string `json:"to"`             // host:port
	Socket  string `json:"sock,omitempty"` // path of a Unix socket, for peers on the same machine; empty: none
}

// maxTasks is the limit of host/topology on the tasks of a topology, with room to grow.
const maxTasks = 1 << 20

func (*Assignment) kind() string { return "assignment" }

// Validate bounds what another process wrote.
func (a *Assignment) Validate() error {
	var c checks
	c.that(a.Epoch > 0, "the epoch is %d", a.Epoch)
	c.number("the number of tasks", len(a.Tasks), 1, maxTasks)
	for i, w := range a.Workers {
		c.err(w.Place.Validate())
		c.text("address", w.Address, 300)
		c.text("socket", w.Socket, maxSocket)
		c.that(i == 0 || a.Workers[i-1].Place.Compare(w.Place) < 0, "the workers are not sorted, or one is there twice")
	}
	for _, w := range a.Tasks {
		if w < Nowhere || w >= len(a.Workers) {
			c.that(false, "a task is assigned to worker %d of %d", w, len(a.Workers))
			break
		}
	}
	return c.done()
}

// Worker returns the number of the worker at a place, and whether there is one.
func (a *Assignment) Worker(p Place) (int, bool) {
	for i, w := range a.Workers {
		if w.Place == p {
			return i, true
		}
	}
	return 0, false
}
