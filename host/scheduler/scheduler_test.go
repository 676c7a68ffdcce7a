package scheduler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/scheduler/schedulertest"
)

func TestEven(t *testing.T) {
	t.Parallel()
	schedulertest.Run(t, scheduler.Even)
}

// A new run is spread evenly: tasks over slots, and slots over machines as far as they have any.
func TestEvenIsEven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := schedulertest.Problem(t)
		p.Before = nil
		for i := range p.Slots {
			p.Slots[i].Shared = false
		}
		a := scheduler.Even(p)
		if want := min(p.Workers, p.Tasks, len(p.Slots)); len(a.Slots) != want {
			t.Fatalf("%d slots are used, and %d could be", len(a.Slots), want)
		}
		loads := make([]int, len(a.Slots))
		for _, at := range a.Tasks {
			if at >= 0 {
				loads[at]++
			}
		}
		if len(loads) > 0 && slices.Max(loads)-slices.Min(loads) > 1 {
			t.Fatalf("loads %v", loads)
		}
		used, have := map[string]int{}, map[string]int{}
		for _, s := range a.Slots {
			used[s.Machine]++
		}
		for _, s := range p.Slots {
			have[s.Machine]++
		}
		for m, n := range used {
			for other := range have {
				if used[other] < n-1 && used[other] < have[other] {
					t.Fatalf("%s has %d workers, %s has %d, and room for %d", m, n, other, used[other], have[other])
				}
			}
		}
	})
}

// Slots in which the older run still is are taken only when there are no others.
func TestSharedSlotsAreTheLastResort(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := schedulertest.Problem(t)
		p.Before = nil
		a := scheduler.Even(p)
		own, shared := 0, 0
		for _, s := range p.Slots {
			if !s.Shared {
				own++
			}
		}
		for _, s := range a.Slots {
			if s.Shared {
				shared++
			}
		}
		if shared > max(0, len(a.Slots)-own) {
			t.Fatalf("%d of %d slots are shared, and %d others are there", shared, len(a.Slots), own)
		}
	})
}

// A slot that comes while there are fewer than wanted gets its share, and no
// task moves between the slots that were there.
func TestSlotThatComes(t *testing.T) {
	t.Parallel()
	p := scheduler.Problem{Tasks: 8, Workers: 3, Slots: []scheduler.Slot{{Machine: "a"}, {Machine: "b"}}}
	a := scheduler.Even(p)
	for _, at := range a.Tasks {
		p.Before = append(p.Before, a.Slots[at])
	}
	p.Slots = append(p.Slots, scheduler.Slot{Machine: "c"})
	b := scheduler.Even(p)
	moved, fresh := 0, 0
	for i, at := range b.Tasks {
		if b.Slots[at] != p.Before[i] {
			moved++
			if b.Slots[at].Machine == "c" {
				fresh++
			}
		}
	}
	if len(b.Slots) != 3 || moved != fresh || fresh < 2 || fresh > 3 {
		t.Errorf("%d tasks move, %d to the new slot: %+v", moved, fresh, b)
	}
}

// Components are spread over the workers, and a chain of single tasks leaves a
// worker no more often than an even spread demands.
func TestComponents(t *testing.T) {
	t.Parallel()
	slots := []scheduler.Slot{{Machine: "a"}, {Machine: "a", Number: 1}}
	for _, test := range []struct {
		components string // a letter a task
		want       []int
	}{
		{"abcd", []int{0, 0, 1, 1}},
		{"aabb", []int{0, 1, 1, 0}},
		{"abbc", []int{0, 0, 1, 1}},
		{"abbbbc", []int{0, 0, 1, 1, 0, 1}},
		{"aaaa", []int{0, 1, 1, 0}},
	} {
		a := scheduler.Even(scheduler.Problem{Tasks: len(test.components), Workers: 2, Slots: slots, Components: strings.Split(test.components, "")})
		if !slices.Equal(a.Tasks, test.want) {
			t.Errorf("%s: %v, want %v", test.components, a.Tasks, test.want)
		}
	}
}

// 500 workers and 10,000 tasks are placed well within the second that a new
// assignment may take.
func TestEvenIsQuick(t *testing.T) {
	t.Parallel()
	p := scheduler.Problem{Tasks: 10_000, Workers: 500, Free: map[string]int{}}
	for m := range 100 {
		for n := range 8 {
			p.Slots = append(p.Slots, scheduler.Slot{Machine: fmt.Sprintf("m%03d", m), Number: n})
		}
		p.Free[fmt.Sprintf("m%03d", m)] = 8
	}
	began := time.Now()
	a := scheduler.Even(p)
	took := time.Since(began)
	if err := scheduler.Check(p, a); err != nil {
		t.Fatal(err)
	}
	t.Logf("%v", took)
	if took > 10*time.Second { // far off, since others use the machine too
		t.Errorf("it took %v", took)
	}
}

func BenchmarkEven(b *testing.B) {
	p := scheduler.Problem{Tasks: 10_000, Workers: 500, Free: map[string]int{}}
	for m := range 100 {
		for n := range 8 {
			p.Slots = append(p.Slots, scheduler.Slot{Machine: fmt.Sprintf("m%03d", m), Number: n})
		}
		p.Free[fmt.Sprintf("m%03d", m)] = 8
	}
	for b.Loop() {
		scheduler.Even(p)
	}
}
