package worker

import (
	"bytes"
	"maps"
	"testing"

	"github.com/polybolt/polybolt/host/topology"
)

// move puts a task into another worker.
func (m *mesh) move(task topology.TaskID, worker uint64) {
	m.places = maps.Clone(m.places)
	m.places[task] = worker
	m.plan()
}

// A spout task goes to another worker, and comes back: its trees are its own again.
func TestASpoutTaskComesBack(t *testing.T) {
	t.Parallel()
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 10, 3: 20, 4: 20, 5: 10, 6: 20, 7: 10})
	first, second := m.add(10, acrossWorkers), m.add(20, acrossWorkers)
	m.plan()
	first.start()
	second.start()
	eventually(t, "rows flow", func() bool { return first.Summary().Acked > 1000 })
	m.move(1, 20)
	eventually(t, "they flow from the other", func() bool { return second.Summary().Acked > 1000 })
	eventually(t, "what was in flight is done", func() bool { return first.Summary().Abandoned == 0 })
	if s := first.Summary(); s.Failed != 0 || s.Dead != 0 {
		t.Errorf("as the spout went elsewhere: %+v", s)
	}
	m.move(1, 10)
	eventually(t, "all trees are done", func() bool {
		var s Summary
		first.localLedgers()[0].addTo(&s)
		return s.Acked == 10_000
	})
	var s Summary
	if first.localLedgers()[0].addTo(&s); s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// What a spout task that goes to another worker leaves behind, and nobody
// finishes, is not forgotten.
func TestASpoutTaskGoesForGood(t *testing.T) {
	t.Parallel()
	const text = `
name: t
config: {max_pending: 10, message_timeout: 1s}
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  keep:
    component: keep
    inputs: [numbers]
`
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 20})
	first, second := m.add(10, text), m.add(20, text)
	m.add(30, text).cancel = func() {} // it never runs
	m.plan()
	first.start()
	second.start()
	eventually(t, "all that may is in flight", func() bool { return first.Summary().Abandoned == 10 })
	m.move(1, 30)
	if first.Idle() {
		t.Error("idle, though trees of it are in flight")
	}
	eventually(t, "it is given up", func() bool { return first.Summary().Dead == 10 })
	eventually(t, "it is idle", first.Idle)
	first.cancel()
	<-first.ended // the file is whole
	if dead := bytes.Count(first.dead.Bytes(), []byte(`"reason":"switched"`)); dead != 10 {
		t.Errorf("%d tuples in the file: %s", dead, first.dead)
	}
}
