package worker

import (
	"testing"

	"github.com/polybolt/polybolt/host/topology"
)

const countAtTheEnd = `
name: t
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  split:
    component: split
    inputs: [numbers]
    output: [word]
  count:
    component: count
    parallelism: 2
    inputs:
      - {from: split, group: {fields: [word]}}
    output: [word]
  sink:
    component: sink
    parallelism: 2
    inputs: [count]
`

// Workers end together: what a component emits when it stops reaches its
// consumers in another worker, wherever each of them is.
func TestStopInOrderOverWorkers(t *testing.T) {
	t.Parallel()
	// Tasks: numbers 1, split 2, count 3 4, sink 5 6.
	for name, places := range map[string]map[topology.TaskID]uint64{
		"each after the other": {1: 10, 2: 10, 3: 20, 4: 20, 5: 30, 6: 30},
		"against the order":    {1: 30, 2: 20, 3: 20, 4: 10, 5: 10, 6: 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMesh(t, places)
			for _, id := range []uint64{10, 20, 30} {
				m.add(id, countAtTheEnd)
			}
			m.plan()
			for _, n := range m.workers {
				n.start()
			}
			eventually(t, "all trees are done", func() bool { return m.workers[places[1]].Summary().Acked == 10_000 })
			for _, n := range m.workers {
				n.Drain()
			}
			eventually(t, "all counts have arrived", func() bool { return len(m.rows()) == 13 })
			for _, n := range m.workers {
				<-n.ended
			}
		})
	}
}
