package scheduler

import (
	"errors"
	"fmt"
)

// Check returns why an answer is none to a problem: every task has a slot if
// there is one, every slot in use is one that was offered, has a task and is
// there once, and there are no more than were wanted.
func Check(p Problem, a Answer) error {
	if len(a.Tasks) != p.Tasks {
		return fmt.Errorf("it places %d tasks, and there are %d", len(a.Tasks), p.Tasks)
	}
	offered := map[Slot]Slot{}
	for _, s := range p.Slots {
		offered[key(s)] = s
	}
	if len(offered) == 0 && len(a.Slots) > 0 {
		return errors.New("it uses slots, and there are none")
	}
	if limit := min(p.Workers, p.Tasks); len(a.Slots) > limit {
		return fmt.Errorf("it uses %d slots, and %d are wanted", len(a.Slots), limit)
	}
	for i, s := range a.Slots {
		if o, ok := offered[key(s)]; !ok || o != s {
			return fmt.Errorf("it uses slot %d of %s, which was not offered so", s.Number, s.Machine)
		}
		if i > 0 && a.Slots[i-1].compare(s) >= 0 {
			return errors.New("its slots are not sorted, or one is there twice")
		}
	}
	loads := make([]int, len(a.Slots))
	for task, at := range a.Tasks {
		switch {
		case at == nowhere && len(offered) == 0:
		case at < 0 || at >= len(a.Slots):
			return fmt.Errorf("task %d is in slot %d of %d", task, at, len(a.Slots))
		default:
			loads[at]++
		}
	}
	for i, n := range loads {
		if n == 0 {
			return fmt.Errorf("slot %d of %s is used for no task", a.Slots[i].Number, a.Slots[i].Machine)
		}
	}
	return nil
}
