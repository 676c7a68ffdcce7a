package worker

import (
	"slices"
	"sync"
	"testing"

	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// A spout's replays are sent while it emits: neither may lead rows of the other
// astray, for the same key goes to the same task.
func TestReplaysKeepToTheirKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  numbers:
    component: numbers
    output: [n]
bolts:
  sink:
    component: sink
    parallelism: 7
    inputs: [{from: numbers, group: {fields: [n]}}]
`)
	if err := f.Apply(f.Everything(Active)); err != nil {
		t.Fatal(err)
	}
	x := f.localLedgers()[0].t
	var both sync.WaitGroup
	for i, r := range []*router{x.router, x.replays} {
		both.Go(func() {
			g := multilangtest.Group(0, []any{[]byte{byte(i), 1}}, []any{[]byte{byte(i), 2}}, []any{[]byte{byte(i), 3}})
			r.choose(r.out[0][0], &g)
			first := slices.Clone(r.targets)
			for range 100_000 {
				r.targets = r.targets[:0]
				if r.choose(r.out[0][0], &g); !slices.Equal(r.targets, first) {
					t.Errorf("%v, and before %v", r.targets, first)
					return
				}
			}
		})
	}
	both.Wait()
}
