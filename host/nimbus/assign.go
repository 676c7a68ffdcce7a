package nimbus

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/topology"
)

// candidates are the places that a run may use, and how much room there is besides.
type candidates struct {
	place map[scheduler.Slot]cluster.Place // by slot, without the mark
	slots []scheduler.Slot
	free  map[string]int
	wake  time.Time       // when another place may count as lost
	shun  []cluster.Place // where a worker could not live, though its supervisor does
}

// candidates lists the places for a run. r is nil for one that does not exist yet.
func (w *world) candidates(top *view, r *runView) *candidates {
	c := &candidates{place: map[scheduler.Slot]cluster.Place{}, free: map[string]int{}}
	used := w.occupied()
	if r != nil {
		for _, at := range r.assignment.Workers {
			dead, until := w.dead(r, at.Place)
			if dead {
				if _, lives := w.supervisors[at.Place.Supervisor]; lives {
					c.shun = append(c.shun, at.Place)
				}
				continue
			}
			c.wake = sooner(c.wake, until)
			c.add(at.Place, false)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.supervisors)) {
		for slot := range w.supervisors[id].Slots {
			place, shared, ok := w.lane(top, cluster.Place{Supervisor: id, Slot: slot}, used)
			if !ok {
				continue
			}
			if until := w.shunned[place]; w.now.Before(until) || slices.Contains(c.shun, place) {
				c.wake = sooner(c.wake, until)
				continue
			}
			if !shared {
				c.free[string(id)]++
			}
			c.add(place, shared)
		}
	}
	return c
}

func (c *candidates) add(place cluster.Place, shared bool) {
	s := scheduler.Slot{Machine: string(place.Supervisor), Number: place.Slot}
	if _, twice := c.place[s]; twice {
		return
	}
	c.place[s] = place
	s.Shared = shared
	c.slots = append(c.slots, s)
}

// lane finds room in a slot: an empty one, or, shared, one in which another run of the
// same topology has the other lane.
func (w *world) lane(top *view, place cluster.Place, used map[cluster.Place]cluster.RunID) (at cluster.Place, shared, ok bool) {
	found := false
	for lane := range cluster.Lanes {
		p := place
		p.Lane = lane
		id, taken := used[p]
		switch {
		case !taken && !found:
			at, found = p, true
		case taken && id.Topology != top.top.Name:
			return at, false, false
		case taken:
			shared = true
		}
	}
	return at, shared, found
}

// assign computes where the tasks of a run go. before is nil for a new run.
func (w *world) assign(c *candidates, before *cluster.Assignment, tasks []topology.Task, workers int) *cluster.Assignment {
	p := scheduler.Problem{Tasks: len(tasks), Workers: workers, Slots: c.slots, Free: c.free}
	for _, t := range tasks {
		p.Components = append(p.Components, string(t.Component.ID))
	}
	a := &cluster.Assignment{Epoch: 1}
	known := map[cluster.Place]cluster.Worker{}
	if before != nil {
		a.Epoch = before.Epoch + 1
		p.Before = make([]scheduler.Slot, len(before.Tasks))
		for task, number := range before.Tasks {
			if number == cluster.Nowhere {
				continue
			}
			at := before.Workers[number]
			slot := scheduler.Slot{Machine: string(at.Place.Supervisor), Number: at.Place.Slot}
			if c.place[slot] == at.Place {
				p.Before[task] = slot
			}
			known[at.Place] = at
		}
	}
	answer := w.rules.Schedule(p)
	a.Tasks = answer.Tasks
	for _, s := range answer.Slots {
		place := c.place[scheduler.Slot{Machine: s.Machine, Number: s.Number}]
		a.Workers = append(a.Workers, w.reach(place, known[place]))
	}
	return a
}

// maintain moves what has lost its place, and uses slots that have come.
func (w *world) maintain(v *view, r *runView, p *plan) {
	if r == nil {
		return
	}
	c := w.candidates(v, r)
	if w.rests(r, c) {
		p.wake = sooner(p.wake, c.wake)
		return
	}
	a := w.assign(c, &r.assignment, r.def.Tasks(), r.def.Config.Workers)
	p.wake = sooner(p.wake, c.wake)
	if len(a.Workers) == 0 || sameAssignment(a, &r.assignment) {
		return // with no slot at all things stay as they are: whoever comes back goes on
	}
	p.batch.SetAssignment(r.run.ID, a, r.assignmentVersion)
	w.place(r, a, &p.batch)
	p.shun = append(p.shun, c.shun...)
	p.events = append(p.events, fmt.Sprintf("run %d assigned to %d workers, epoch %d", r.run.ID.Number, len(a.Workers), a.Epoch))
}

// rests tells whether nothing of a run has a cause to move: all tasks have
// places that are not lost, in as many workers as are wanted, where their
// supervisors say that they are. Then no scheduler is asked, whatever it would say.
func (w *world) rests(r *runView, c *candidates) bool {
	a := &r.assignment
	if len(a.Workers) != min(r.def.Config.Workers, len(a.Tasks)) || slices.Contains(a.Tasks, cluster.Nowhere) {
		return false
	}
	for _, at := range a.Workers {
		if c.place[scheduler.Slot{Machine: string(at.Place.Supervisor), Number: at.Place.Slot}] != at.Place || w.reach(at.Place, at) != at {
			return false
		}
	}
	return true
}

// reach says where a worker's peers find it; known is what was said before,
// which holds while its supervisor is away.
func (w *world) reach(place cluster.Place, known cluster.Worker) cluster.Worker {
	s, lives := w.supervisors[place.Supervisor]
	if !lives || place.Slot >= len(s.Slots) {
		return known
	}
	port := strconv.Itoa(s.Slots[place.Slot][place.Lane])
	return cluster.Worker{Place: place, Address: net.JoinHostPort(s.Address, port), Socket: s.DataSocket(place)}
}

// place writes the placements that a new assignment needs, and takes back
// those it does not.
func (w *world) place(r *runView, a *cluster.Assignment, b *cluster.Batch) {
	now := map[cluster.Place]bool{}
	for _, at := range a.Workers {
		now[at.Place] = true
		if w.placed[at.Place].Run != r.run.ID {
			b.Place(at.Place, &cluster.Placement{Run: r.run.ID, Bundle: r.run.Bundle})
		}
		if !r.nodes[at.Place] {
			b.CreateWorker(r.run.ID, at.Place)
		}
	}
	for _, place := range w.placesOf(r.run.ID) {
		if !now[place] {
			b.Unplace(place)
		}
	}
}

func sameAssignment(a, b *cluster.Assignment) bool {
	return slices.Equal(a.Workers, b.Workers) && slices.Equal(a.Tasks, b.Tasks)
}
