package worker

import (
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// largeRows makes a batch of rows of so many bytes each.
func largeRows(source *stream.Source, rows, bytes int) *stream.Batch {
	b := stream.NewBatch(source)
	for range rows {
		for i := range source.Fields {
			m, err := multilang.Append(nil, strings.Repeat("x", bytes))
			if err != nil {
				panic(err)
			}
			b.Builders()[i].AddValue(m)
		}
	}
	b.Done(1)
	return b
}

// Quick children have large frames, and large rows a window of few: those that
// come may be less than half a frame, and credit must come back all the same.
func TestLargeRowsOfQuickChildrenFlow(t *testing.T) {
	t.Parallel()
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 20, 3: 20, 4: 10, 5: 10, 6: 10, 7: 10})
	from, to := m.add(10, acrossWorkers), m.add(20, acrossWorkers)
	m.plan()
	sending, receiving := (*from.byID["pass"].pools.Load())[0], (*to.byID["pass"].pools.Load())[0]
	if sending.home.Load().peer == nil || receiving.home.Load().peer != nil {
		t.Fatal("the pools are elsewhere")
	}
	const rows, each = 100, 50_000
	arrived := 0
	receiving.frame.Store(8000)
	for range rows {
		sending.put(largeRows(from.byID["numbers"].sources[0], 1, each), 20, nil)
		sending.wake()
	}
	take := func() bool {
		if b, _ := receiving.take(8000, multilang.TargetFrame, true); b != nil {
			arrived += b.N
		}
		return arrived == rows
	}
	// At first the sender knows of frames of one row, and of half of such a one nothing is kept back.
	eventually(t, "all rows arrive", take)
	for range rows {
		sending.put(largeRows(from.byID["numbers"].sources[0], 1, each), 20, nil)
		sending.wake()
	}
	arrived = 0
	eventually(t, "all rows arrive again", take)
}

// Rows come for a pool that a plan does away with at that moment: they go on at
// once from the pool that took over, to where that sends them.
func TestRowsForAPoolThatHasGone(t *testing.T) {
	t.Parallel()
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 20, 3: 20, 4: 20, 5: 20, 6: 20, 7: 20})
	w := m.add(10, acrossWorkers)
	m.add(20, acrossWorkers)
	m.plan()
	pool := (*w.byID["pass"].pools.Load())[0]
	before := newInbox(w.Worker, w.byID["pass"])
	w.retire(before, pool)
	w.Arrive(func(byte, []byte) {}).(*arrival).put(before, largeRows(w.byID["numbers"].sources[0], 1, 10))
	if n := pool.home.Load().peer.outstanding(pool); n != 1 {
		t.Errorf("%d rows went on", n)
	}
}
