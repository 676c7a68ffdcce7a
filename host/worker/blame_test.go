package worker

import (
	"slices"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
)

// D39: a held row of several trees is forgotten when the last of them is over,
// also if they end one after the other.
func TestD39AHeldRowOfSeveralTreesIsForgotten(t *testing.T) {
	t.Parallel()
	row := ref{1, 0}
	x := &task{held: map[ref]heldRow{row: {root: 7, edge: 1, extras: []acker.Root{8, 9}}}}
	for _, over := range []acker.Root{8, 7} {
		x.forget(heldFor(func(root acker.Root) bool { return root == over }))
		if _, held := x.held[row]; !held {
			t.Fatal("forgotten, though a tree of it lives")
		}
	}
	if h := x.held[row]; h.root != 9 || len(h.extras) > 0 || h.edge != 1 {
		t.Errorf("held as %+v", h)
	}
	if x.forget(heldFor(func(root acker.Root) bool { return root == 9 })); len(x.held) > 0 {
		t.Errorf("still held: %+v", x.held)
	}
}

// Nobody is blamed for rows that are covered, or were acked out of their turn:
// not for their further trees either.
func TestOnlyRowsInProgressAreWorkedOn(t *testing.T) {
	t.Parallel()
	b := &stream.Batch{N: 4, Roots: []acker.Root{1, 2, 3, 4}, Extras: []stream.Extra{{Row: 0, Root: 11}, {Row: 1, Root: 12}, {Row: 2, Root: 13}, {Row: 3, Root: 14}}}
	x := &task{inflight: []*frame{{batch: b, n: 4, covered: 1, done: map[int]bool{2: true}}}}
	var roots []acker.Root
	x.eachRow(func(root acker.Root, _ string, _ time.Time) { roots = append(roots, root) })
	if !slices.Equal(roots, []acker.Root{2, 4, 12, 14}) {
		t.Errorf("worked on are %v", roots)
	}
}
