// Package scheduler decides where the tasks of a run go. It is pure: the same
// problem always has the same answer.
package scheduler

import (
	"cmp"
	"slices"
)

// Slot is room for one worker.
type Slot struct {
	Machine string
	Number  int // on the machine

	// Shared marks a slot that is to be used only where no other is left: an
	// older run of the same topology is still in it.
	Shared bool
}

func (s Slot) compare(t Slot) int {
	return cmp.Or(cmp.Compare(s.Machine, t.Machine), cmp.Compare(s.Number, t.Number))
}

// Problem is what a scheduler is asked.
type Problem struct {
	Tasks   int            // how many; they are numbered from 0
	Workers int            // how many are wanted, at least 1
	Slots   []Slot         // all that may be used, those of Before included
	Before  []Slot         // where each task was; the zero Slot, or one that is not in Slots: nowhere. Empty for a new run
	Free    map[string]int // by machine: how many of its slots nobody uses, to spread topologies evenly

	// Components names the component of each task, those that feed others
	// first, as far as that is so. Empty: it is not known.
	Components []string
}

// component returns whose a task is.
func (p *Problem) component(task int) string {
	if task < len(p.Components) {
		return p.Components[task]
	}
	return ""
}

// Answer is where the tasks go.
type Answer struct {
	Slots []Slot // in use, sorted by machine and number
	Tasks []int  // for each task its index into Slots; -1 if there is no slot at all
}

// nowhere is the slot of a task without one.
const nowhere = -1

// Even spreads workers evenly over machines, and tasks, and those of each
// component, evenly over workers. It
// moves nothing while every task has a slot and as many slots are in use
// as can be; otherwise it moves as few tasks as an even spread allows.
func Even(p Problem) Answer {
	slots := choose(p)
	a := Answer{Slots: slots, Tasks: make([]int, p.Tasks)}
	if len(slots) == 0 {
		for i := range a.Tasks {
			a.Tasks[i] = nowhere
		}
		return a
	}
	loads := keep(p, &a)
	fill(p, &a, loads)
	return a
}

// choose picks the slots: those in use first, as many as are wanted.
func choose(p Problem) []Slot {
	tasks := map[Slot]int{} // of this run, before
	known := map[Slot]Slot{}
	for _, s := range p.Slots {
		known[key(s)] = s
	}
	for _, b := range p.Before {
		if s, ok := known[key(b)]; ok {
			tasks[s]++
		}
	}
	wanted := min(p.Workers, p.Tasks, len(known))
	var chosen []Slot
	for _, s := range known {
		if tasks[s] > 0 {
			chosen = append(chosen, s)
		}
	}
	slices.SortFunc(chosen, Slot.compare)
	for len(chosen) > wanted {
		chosen = drop(chosen, tasks)
	}
	rest := make([]Slot, 0, len(known))
	for _, s := range known {
		if tasks[s] == 0 {
			rest = append(rest, s)
		}
	}
	slices.SortFunc(rest, Slot.compare)
	n := workers(chosen)
	for len(chosen) < wanted {
		best := pick(n, rest, p.Free)
		chosen = append(chosen, rest[best])
		n[rest[best].Machine]++
		rest = slices.Delete(rest, best, best+1)
	}
	slices.SortFunc(chosen, Slot.compare)
	return chosen
}

// key is what makes a slot the same as another.
func key(s Slot) Slot { return Slot{Machine: s.Machine, Number: s.Number} }

// drop gives up the slot that the run misses least: on the machine with most
// of its workers, with the fewest tasks, the last one.
func drop(chosen []Slot, tasks map[Slot]int) []Slot {
	n := workers(chosen)
	worst := 0
	for i, s := range chosen {
		w := chosen[worst]
		if cmp.Or(cmp.Compare(n[s.Machine], n[w.Machine]), cmp.Compare(tasks[w], tasks[s]), s.compare(w)) > 0 {
			worst = i
		}
	}
	return slices.Delete(chosen, worst, worst+1)
}

// pick returns the index of the next slot to take: one of its own before a
// shared one, on the machine with the fewest workers of this run, then with
// the most free slots. n is how many workers each machine has.
func pick(n map[string]int, rest []Slot, free map[string]int) int {
	left := func(machine string) int { return free[machine] - n[machine] }
	best := 0
	for i, s := range rest {
		b := rest[best]
		if s.Shared != b.Shared {
			if b.Shared {
				best = i
			}
			continue
		}
		if cmp.Or(cmp.Compare(n[s.Machine], n[b.Machine]), cmp.Compare(left(b.Machine), left(s.Machine)), s.compare(b)) < 0 {
			best = i
		}
	}
	return best
}

func workers(slots []Slot) map[string]int {
	n := map[string]int{}
	for _, s := range slots {
		n[s.Machine]++
	}
	return n
}

// keep leaves tasks where they were, as far as the spread stays even, and
// returns how many tasks each slot has then.
func keep(p Problem, a *Answer) []int {
	index := map[Slot]int{}
	for i, s := range a.Slots {
		index[key(s)] = i
	}
	before := make([]int, len(a.Slots))
	complete := len(p.Before) == p.Tasks
	for i := range a.Tasks {
		a.Tasks[i] = nowhere
		if i < len(p.Before) {
			if at, ok := index[key(p.Before[i])]; ok {
				a.Tasks[i] = at
				before[at]++
			}
		}
		complete = complete && a.Tasks[i] != nowhere
	}
	if complete && !slices.Contains(before, 0) {
		return before // nothing has a cause to move
	}
	limits := quotas(before, p.Tasks)
	loads := make([]int, len(a.Slots))
	for i, at := range a.Tasks {
		if at == nowhere {
			continue
		}
		if loads[at] == limits[at] {
			a.Tasks[i] = nowhere
			continue
		}
		loads[at]++
	}
	return loads
}

// quotas says how many tasks each slot may have: the quotient, or one more for
// those that had the most, as many as the remainder.
func quotas(before []int, tasks int) []int {
	order := make([]int, len(before))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return before[b] - before[a] })
	limits := make([]int, len(before))
	for rank, i := range order {
		limits[i] = tasks / len(before)
		if rank < tasks%len(before) {
			limits[i]++
		}
	}
	return limits
}

// fill gives each task without a slot to one that has room in an even spread: to
// one with the fewest tasks of its component, so that components are spread, too;
// among these to where the task before it is, for tuples that stay in a worker
// cost least; else to the one with the fewest tasks.
func fill(p Problem, a *Answer, loads []int) {
	limits := quotas(loads, p.Tasks)
	shares := map[string][]int{} // by component: how many of its tasks each slot has
	share := func(task int) []int {
		name := p.component(task)
		if shares[name] == nil {
			shares[name] = make([]int, len(loads))
		}
		return shares[name]
	}
	for task, at := range a.Tasks {
		if at != nowhere {
			share(task)[at]++
		}
	}
	for task, at := range a.Tasks {
		if at != nowhere {
			continue
		}
		before, mine := nowhere, share(task)
		if task > 0 {
			before = a.Tasks[task-1]
		}
		best := nowhere
		for s := range loads {
			if loads[s] == limits[s] {
				continue
			}
			if best == nowhere || mine[s] < mine[best] || mine[s] == mine[best] && best != before && (s == before || loads[s] < loads[best]) {
				best = s
			}
		}
		a.Tasks[task] = best
		loads[best]++
		mine[best]++
	}
}
