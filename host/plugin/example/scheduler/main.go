// Command scheduler is a scheduler plugin: it fills one machine before it takes
// the next, so that tasks talk to each other without a network, and machines
// that are not needed can be switched off. Build it, and start nimbus with
//
//	polybolt nimbus --scheduler ./scheduler
package main

import (
	"cmp"
	"slices"

	"github.com/polybolt/polybolt/host/plugin"
	"github.com/polybolt/polybolt/host/scheduler"
)

func main() { plugin.ServeScheduler(fill) }

// fill chooses slots machine by machine, and deals tasks out to them in turn.
// Tasks whose slot is chosen again stay there, if none is without a task then.
func fill(p scheduler.Problem) scheduler.Answer {
	slots := slices.Clone(p.Slots)
	tasks := map[scheduler.Slot]int{} // of this run, before
	for _, b := range p.Before {
		tasks[b]++
	}
	home := func(s scheduler.Slot) scheduler.Slot { return scheduler.Slot{Machine: s.Machine, Number: s.Number} }
	slices.SortFunc(slots, func(a, b scheduler.Slot) int {
		return cmp.Or(
			cmp.Compare(min(tasks[home(b)], 1), min(tasks[home(a)], 1)), // what is in use stays in use
			compareBool(a.Shared, b.Shared),
			cmp.Compare(a.Machine, b.Machine), cmp.Compare(a.Number, b.Number))
	})
	slots = slots[:min(p.Workers, p.Tasks, len(slots))]
	slices.SortFunc(slots, func(a, b scheduler.Slot) int {
		return cmp.Or(cmp.Compare(a.Machine, b.Machine), cmp.Compare(a.Number, b.Number))
	})
	a := scheduler.Answer{Slots: slots, Tasks: make([]int, p.Tasks)}
	loads := make([]int, len(slots))
	for task := range a.Tasks {
		a.Tasks[task] = -1
		if task < len(p.Before) {
			if at := slices.IndexFunc(slots, func(s scheduler.Slot) bool { return home(s) == p.Before[task] }); at >= 0 {
				a.Tasks[task] = at
				loads[at]++
			}
		}
	}
	deal(a.Tasks, loads)
	return a
}

// deal gives tasks that have no slot to the one with the fewest; and a slot
// that has none in the end takes one of those that have most.
func deal(tasks, loads []int) {
	if len(loads) == 0 {
		return
	}
	least := func() int { return slices.Index(loads, slices.Min(loads)) }
	for task, at := range tasks {
		if at < 0 {
			tasks[task] = least()
			loads[tasks[task]]++
		}
	}
	for empty := least(); loads[empty] == 0; empty = least() {
		task := slices.Index(tasks, slices.Index(loads, slices.Max(loads)))
		loads[tasks[task]]--
		tasks[task] = empty
		loads[empty]++
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
