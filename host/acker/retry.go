package acker

import "time"

// Cause says why a tree failed. The causes are counted apart.
type Cause uint8

// The causes of a failure.
const (
	Exception     Cause = iota // user code raised
	Explicit                   // user code said fail
	ChildDeath                 // the child that held one of its rows died
	Timeout                    // no progress for the message timeout
	CycleOverflow              // an edge inside a cycle was full
	Lost                       // a worker or a link is gone
	Switched                   // the topology was given to another version, or taken down, before it was done
	Stopped                    // the run was told to end, and nothing got done any more
	Causes                     // the number of causes
)

// String returns the cause as it is shown and written to dead.jsonl.
func (c Cause) String() string {
	return [...]string{"exception", "fail", "child-death", "timeout", "cycle-overflow", "lost", "switched", "stopped"}[c]
}

// Retry says what becomes of a failed tree that the host keeps.
type Retry struct {
	Limit int // failures that count, before the tuple is given up
}

// Backoff between the replays of one tuple: none before the first, then
// doubling from backoffMin.
const (
	backoffMin = 20 * time.Millisecond
	backoffMax = 10 * time.Second
)

// Next returns the tree of the replay and how long to wait before it, or false
// if the tuple is to be given up. Only an exception, an explicit fail, a
// child's death with alone set (the row was the only one handed over and
// unanswered) and an overflow with alone set (the tree was alone in the cycle)
// use up a retry; everything else is replayed without limit.
func (r Retry) Next(tree Tree, cause Cause, alone bool) (Tree, time.Duration, bool) {
	counts := cause == Exception || cause == Explicit || alone && (cause == ChildDeath || cause == CycleOverflow)
	if tree.Attempts < 1<<16-1 {
		tree.Attempts++
	}
	if counts {
		if int(tree.Retries) >= r.Limit {
			return tree, 0, false
		}
		tree.Retries++
	}
	if cause == ChildDeath {
		tree.Solo = true
	}
	wait := time.Duration(0)
	if n := tree.Attempts; n > 1 {
		wait = min(backoffMin<<min(n-2, 16), backoffMax)
	}
	return tree, wait, true
}
