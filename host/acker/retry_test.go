package acker

import (
	"testing"
	"time"
)

func TestRetry(t *testing.T) {
	for _, c := range []struct {
		cause  Cause
		alone  bool
		counts bool
	}{
		{Exception, false, true}, {Explicit, false, true}, {ChildDeath, false, false}, {ChildDeath, true, true}, {Timeout, true, false},
		{CycleOverflow, false, false}, {CycleOverflow, true, true}, {Lost, true, false},
	} {
		tree, replays := Tree{}, 0
		for range 100 {
			next, wait, ok := Retry{Limit: 3}.Next(tree, c.cause, c.alone)
			if !ok {
				break
			}
			if wait > backoffMax || replays == 0 && wait != 0 || replays == 1 && wait != backoffMin {
				t.Errorf("%v: replay %d waits %v", c.cause, replays, wait)
			}
			tree = next
			replays++
		}
		if want := map[bool]int{true: 3, false: 100}[c.counts]; replays != want {
			t.Errorf("%v alone %v: %d replays, not %d", c.cause, c.alone, replays, want)
		}
		if tree.Solo != (c.cause == ChildDeath) {
			t.Errorf("%v: solo %v", c.cause, tree.Solo)
		}
	}
	if _, _, ok := (Retry{}).Next(Tree{}, Exception, false); ok {
		t.Error("no retries, and replayed")
	}
	if _, wait, _ := (Retry{}).Next(Tree{Attempts: 60000}, Timeout, false); wait != 10*time.Second {
		t.Error(wait)
	}
}

// As many retries as a topology may ask for come to an end.
func TestManyRetries(t *testing.T) {
	const limit = 1_000_000
	tree, n := Tree{}, 0
	for ok := true; n <= limit+1; n++ {
		if tree, _, ok = (Retry{Limit: limit}).Next(tree, Exception, false); !ok {
			break
		}
	}
	if n != limit {
		t.Errorf("%d replays, not %d", n, limit)
	}
}
