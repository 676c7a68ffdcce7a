package worker

import (
	"testing"

	"github.com/polybolt/polybolt/host/stream"
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
	if _, drained := in.take(1, 1<<20); !drained || in.full.Load() {
		t.Error("take did not say that there is room")
	}
	if _, drained := in.take(1, 1<<20); drained {
		t.Error("said twice")
	}
}
