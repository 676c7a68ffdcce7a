package mesh

import (
	"slices"

	"github.com/polybolt/polybolt/host/topology"
)

// Layout says which task of a run is where.
type Layout struct {
	Epoch  int64   // grows with every layout of the run
	Places []Place // of the workers, ours included
	Tasks  []int   // for every task, by id from 1: the number of its place; -1: nowhere
}

// Place is where a worker lives.
type Place struct {
	Name  string
	Addrs []string // as in [transport.Peer]
}

// number returns the number of a place, -1 if the layout has none of that name.
func (l *Layout) number(name string) int {
	return slices.IndexFunc(l.Places, func(p Place) bool { return p.Name == name })
}

// tasks returns the worker of each task: alive says who lives at a place; 0: nobody, yet.
func (l *Layout) tasks(alive func(place string) uint64) map[topology.TaskID]uint64 {
	workers := make([]uint64, len(l.Places))
	for i, p := range l.Places {
		workers[i] = alive(p.Name)
	}
	tasks := make(map[topology.TaskID]uint64, len(l.Tasks))
	for i, at := range l.Tasks {
		if at >= 0 && at < len(workers) {
			tasks[topology.TaskID(i+1)] = workers[at]
		}
	}
	return tasks
}
