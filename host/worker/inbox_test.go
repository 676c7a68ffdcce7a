package worker

import (
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

var testSource = &stream.Source{Component: "c", Stream: "default", Fields: []string{"n"}}

func testBatch(rows int) *stream.Batch {
	b := stream.NewBatch(testSource)
	for i := range rows {
		m, err := multilang.Append(nil, i)
		if err != nil {
			panic(err)
		}
		b.Builders()[0].AddValue(m)
	}
	b.Done(1)
	return b
}

// A sender that is held back is fed again only when take says so. An inbox
// that stopped being full in any other way (here: its frames got larger) would
// leave its senders waiting for ever.
func TestOnlyTakeSaysThatThereIsRoom(t *testing.T) {
	w := &Worker{self: 1}
	in := newInbox(w, &component{})
	in.put(testBatch(100), 1, nil)
	if !in.full.Load() {
		t.Fatal("not full")
	}
	in.frame.Store(4000)
	in.put(testBatch(1), 1, nil)
	if !in.full.Load() {
		t.Fatal("full no longer, and nobody was told")
	}
	if _, drained := in.take(1, 1<<20, true); !drained || in.full.Load() {
		t.Error("take did not say that there is room")
	}
	if _, drained := in.take(1, 1<<20, true); drained {
		t.Error("said twice")
	}
}

// A component that asked for batches has its senders go on until two are there
// for each task, however slow it is; but not beyond what makes any inbox full.
func TestAnInboxHoldsTwoBatches(t *testing.T) {
	w := &Worker{self: 1}
	c := &component{Component: &topology.Component{Batch: topology.Batch{Max: 500}, Inputs: make([]topology.Input, 1)}, mostBytes: fullBytes}
	in := newInbox(w, c)
	for range 999 {
		in.put(testBatch(1), 1, nil)
	}
	if in.full.Load() {
		t.Error("full before two batches are there")
	}
	in.put(testBatch(1), 1, nil)
	if !in.full.Load() {
		t.Error("not full, and two batches are there")
	}
	now := time.Now()
	for range 2 {
		if b, _, _ := in.takeBatch(now, never, true); b == nil || b.N != 500 {
			t.Errorf("took %+v", b)
		}
	}
	if b, due, _ := in.takeBatch(now, never, true); b != nil || !due.IsZero() {
		t.Errorf("took %v, due %v, of nothing", b, due)
	}
	if in.home.Store(&home{tasks: make([]*task, 3)}); in.limit() != 3000 {
		t.Errorf("three tasks are fed until %d rows wait", in.limit())
	}
	c.Inputs = make([]topology.Input, 3)
	if n := c.enough(1); n != 3000 { // 499 of each may wait for another
		t.Errorf("from three sources %d rows may wait", n)
	}
	if n := c.enough(4000); n != 4*4000 {
		t.Errorf("of a quick one %d rows may wait", n)
	}
	for !in.full.Load() {
		in.put(testBatch(100_000), 1, nil)
	}
	if in.queue.Bytes() > 2*fullBytes {
		t.Errorf("%d bytes wait", in.queue.Bytes())
	}
}

// A row that travels alone is no company for rows in the child: also if it has
// come to the front of a pool since somebody looked, by another task's taking.
func TestWhatTravelsAloneIsTakenAlone(t *testing.T) {
	in := newInbox(&Worker{self: 1}, &component{})
	one := testBatch(1)
	one.Solo = true
	for _, b := range []*stream.Batch{testBatch(3), one} {
		in.put(b, 1, nil)
	}
	if b, _ := in.take(10, 1<<20, false); b == nil || b.N != 3 {
		t.Errorf("took %+v", b)
	}
	if b, _ := in.take(10, 1<<20, false); b != nil {
		t.Errorf("took %+v", b)
	}
	if b, _ := in.take(10, 1<<20, true); b != one {
		t.Errorf("took %+v", b)
	}
}

// A worker is gone, and what it was to get without being tracked goes to
// another: also if it had got a part of that.
func TestUntrackedRowsOutliveAWorker(t *testing.T) {
	t.Parallel()
	w := &Worker{self: 1}
	in := newInbox(w, &component{})
	in.put(testBatch(100), 1, nil)
	in.take(60, 1<<20, true)
	w.addLoad(-60) // they are in a child, and answered
	in.mu.Lock()
	w.addLoad(-in.drop())
	in.mu.Unlock()
	left := 0
	for {
		b, _ := in.take(1000, 1<<20, true)
		if b == nil {
			break
		}
		left += b.N
	}
	if _, rows := in.peek(); left != 40 || rows != 0 {
		t.Errorf("%d rows are left, and then %d", left, rows)
	}
	if w.addLoad(-left); w.load.Load() != 0 {
		t.Errorf("%d rows are still counted", w.load.Load())
	}
}

// A tree is alone in a cycle if all that waits belongs to it: what has been
// taken does not count, and what nobody tracks does.
func TestOnlyTree(t *testing.T) {
	for name, c := range map[string]struct {
		roots [][]acker.Root // by batch; none: not tracked
		taken int
		only  acker.Root
	}{
		"nothing":             {nil, 0, 0},
		"one":                 {[][]acker.Root{{8, 8}, {8}}, 0, 8},
		"two in a batch":      {[][]acker.Root{{7, 8}}, 0, 0},
		"two in two":          {[][]acker.Root{{8, 8}, {7}}, 0, 0},
		"the other is taken":  {[][]acker.Root{{7, 8, 8}, {8}}, 1, 8},
		"rows without a tree": {[][]acker.Root{{8, 8}, {}}, 0, 0},
		"a row without one":   {[][]acker.Root{{8, 8}, {0}}, 0, 0},
		"it comes later":      {[][]acker.Root{{}, {8}}, 0, 0},
	} {
		in := newInbox(&Worker{self: 1}, &component{})
		for _, roots := range c.roots {
			b := testBatch(max(len(roots), 1))
			for _, r := range roots {
				b.Track(r, 1)
			}
			in.put(b, 1, nil)
		}
		if c.taken > 0 {
			in.take(c.taken, 1<<20, true)
		}
		if only := in.onlyTree(); only != c.only {
			t.Errorf("%s: %d, not %d", name, only, c.only)
		}
	}
}

// An inbox that is emptied when a run is given up holds nobody back: senders get
// the rows that come when components stop.
func TestAnInboxThatIsClosedIsNotFull(t *testing.T) {
	in := newInbox(&Worker{self: 1}, &component{})
	in.put(testBatch(100), 1, nil)
	if in.close(false); in.full.Load() {
		t.Error("it is full, and empty")
	}
}
