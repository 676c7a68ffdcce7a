// Package schedulertest is the suite that every scheduler passes: the built-in
// one, and those behind a plugin.
package schedulertest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/host/scheduler"
)

// Run checks a scheduler on random problems: nothing is lost, nothing is there
// twice, nothing moves without a cause, and the same problem has the same answer.
func Run(t *testing.T, schedule func(scheduler.Problem) scheduler.Answer) {
	t.Helper()
	properties := map[string]func(*rapid.T, func(scheduler.Problem) scheduler.Answer){
		"NothingLostNothingTwice": whole,
		"Deterministic":           deterministic,
		"NoMoveWithoutCause":      still,
		"LostSlot":                lost,
	}
	for name, check := range properties {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { check(t, schedule) })
		})
	}
}

// Problem draws a problem. before is what a run had, in any state of decay.
func Problem(t *rapid.T) scheduler.Problem {
	p := scheduler.Problem{
		Tasks:   rapid.IntRange(1, 40).Draw(t, "tasks"),
		Workers: rapid.IntRange(1, 12).Draw(t, "workers"),
		Free:    map[string]int{},
	}
	for m := range rapid.IntRange(0, 5).Draw(t, "machines") {
		machine := fmt.Sprintf("m%d", m)
		for n := range rapid.IntRange(0, 4).Draw(t, "slots") {
			s := scheduler.Slot{Machine: machine, Number: n, Shared: rapid.IntRange(0, 4).Draw(t, "shared") == 0}
			p.Slots = append(p.Slots, s)
			if !s.Shared {
				p.Free[machine]++
			}
		}
	}
	if rapid.Bool().Draw(t, "named") {
		for i := 0; len(p.Components) < p.Tasks; i++ {
			for range rapid.IntRange(1, 6).Draw(t, "parallelism") {
				p.Components = append(p.Components, fmt.Sprintf("c%d", i))
			}
		}
		p.Components = p.Components[:p.Tasks]
	}
	if rapid.Bool().Draw(t, "running") {
		p.Before = make([]scheduler.Slot, p.Tasks)
		for i := range p.Before {
			switch at := rapid.IntRange(-2, len(p.Slots)-1).Draw(t, "at"); {
			case at >= 0:
				p.Before[i] = scheduler.Slot{Machine: p.Slots[at].Machine, Number: p.Slots[at].Number}
			case at == -2:
				p.Before[i] = scheduler.Slot{Machine: "gone", Number: 1}
			}
		}
	}
	return p
}

func whole(t *rapid.T, schedule func(scheduler.Problem) scheduler.Answer) {
	p := Problem(t)
	a := schedule(p)
	if err := scheduler.Check(p, a); err != nil {
		t.Fatalf("%v\nproblem %+v\nanswer %+v", err, p, a)
	}
}

func deterministic(t *rapid.T, schedule func(scheduler.Problem) scheduler.Answer) {
	p := Problem(t)
	first := schedule(p)
	q := p
	q.Slots = rapid.Permutation(p.Slots).Draw(t, "order")
	if diff := cmp.Diff(first, schedule(q)); diff != "" {
		t.Fatalf("the order in which slots are named makes a difference:\n%s", diff)
	}
}

// still asks again with what was answered, in a world that has not changed.
func still(t *rapid.T, schedule func(scheduler.Problem) scheduler.Answer) {
	p := Problem(t)
	first := schedule(p)
	p.Before = before(first)
	second := schedule(p)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatalf("something moves, and nothing has happened:\n%s", diff)
	}
}

// before is where an answer has put each task.
func before(a scheduler.Answer) []scheduler.Slot {
	list := make([]scheduler.Slot, len(a.Tasks))
	for i, at := range a.Tasks {
		if at >= 0 {
			list[i] = scheduler.Slot{Machine: a.Slots[at].Machine, Number: a.Slots[at].Number}
		}
	}
	return list
}

// lost takes one slot away: tasks of no other slot move to a slot that was in use.
func lost(t *rapid.T, schedule func(scheduler.Problem) scheduler.Answer) {
	p := Problem(t)
	p.Before = nil
	a := schedule(p)
	if len(a.Slots) == 0 {
		return
	}
	gone := a.Slots[rapid.IntRange(0, len(a.Slots)-1).Draw(t, "gone")]
	p.Before = before(a)
	p.Slots = slices.DeleteFunc(slices.Clone(p.Slots), func(s scheduler.Slot) bool { return s.Machine == gone.Machine && s.Number == gone.Number })
	b := schedule(p)
	if err := scheduler.Check(p, b); err != nil {
		t.Fatalf("%v\nproblem %+v\nanswer %+v", err, p, b)
	}
	now := before(b)
	used := map[scheduler.Slot]bool{}
	for _, s := range p.Before {
		used[s] = true
	}
	for task, was := range p.Before {
		if was.Machine == gone.Machine && was.Number == gone.Number {
			continue
		}
		if now[task] != was && used[now[task]] {
			t.Fatalf("task %d moves from %v, which is there, to %v, which was in use\nproblem %+v\nanswer %+v", task, was, now[task], p, b)
		}
	}
}
