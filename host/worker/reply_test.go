package worker

import (
	"encoding/binary"
	"maps"
	"testing"

	"github.com/polybolt/polybolt/multilang"
)

// A row that ends out of its turn in the very reply that covers it is settled
// once: not by being covered, too.
func TestRowsSettledByTheReplyThatCoversThem(t *testing.T) {
	t.Parallel()
	var acked multilang.U32s
	for _, n := range []uint32{7, 12, 7, 14, 6, 11, 7, 9} { // of this frame: covered, not yet, another's, and before
		acked = binary.LittleEndian.AppendUint32(acked, n)
	}
	m := &multilang.FromChild{Seq: 7, First: 10, N: 4, Acked: acked}
	m.Late = []multilang.RowError{{Seq: 7, Row: 13}, {Seq: 8, Row: 10}}
	in := &input{acked: m.N}
	f := &frame{seq: 7, n: 20, covered: 10, done: map[int]bool{11: true, 15: true}}
	if err := new(task).markOpen(f, m, in); err != nil {
		t.Fatal(err)
	}
	if want := map[int]bool{1: true, 2: true, 3: true}; !maps.Equal(in.open, want) { // rows 11, 12 and 13
		t.Errorf("open are %v, not %v", in.open, want)
	}
}
