package worker

import (
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/multilang"
)

// kept is one group of rows that a spout emitted, until all are done with.
type kept struct {
	stream int // index of the spout's output
	n      int
	cols   []multilang.Column // nil if the spout replays them all by itself
	index  []multilang.Index  // of cols, once a row was looked up
	where  []uint32           // after shrink: which rows cols holds, in order
	direct multilang.U32s     // the tasks that the spout named
	size   int
	first  uint32        // number of row 0, as the child counts
	wants  multilang.How // AnchorEach: all want an outcome; AnchorEnds: those in some
	some   map[uint32]bool
	back   bool // the spout replays rows that want an outcome by itself
	child  int  // the incarnation of the child that emitted it
	left   int  // rows not done with
	born   time.Time
}

func (k *kept) wantsOutcome(row uint32) bool {
	return k.wants == multilang.AnchorEach || k.wants == multilang.AnchorEnds && k.some[row]
}

// rows is how many rows are kept, done with or not.
func (k *kept) rows() int {
	if k.where != nil {
		return len(k.where)
	}
	return k.n
}

// row returns one row as columns.
func (k *kept) row(row uint32) []multilang.Column {
	at := int(row)
	if k.where != nil {
		at, _ = slices.BinarySearch(k.where, row)
	}
	k.open()
	cols := make([]multilang.Column, len(k.index))
	for i := range k.index {
		cols[i] = k.index[i].Slice(at, at+1)
	}
	return cols
}

// open makes the index.
func (k *kept) open() {
	if k.index != nil {
		return
	}
	k.index = make([]multilang.Index, len(k.cols))
	for i, c := range k.cols {
		k.index[i].Set(c, k.rows())
	}
}

// sparse is the share of a frame's rows below which the memory of the others
// is given back; small frames are not worth it.
const (
	sparse    = 4
	worthBack = 8 << 10
)

func (k *kept) isSparse() bool {
	return k.cols != nil && k.left > 0 && k.left*sparse < k.rows() && k.size > worthBack
}

// shrink keeps the live rows only.
func (k *kept) shrink(live []uint32) {
	slices.Sort(live)
	k.open()
	builders := make([]multilang.Builder, len(k.cols))
	for _, row := range live {
		at := int(row)
		if k.where != nil {
			at, _ = slices.BinarySearch(k.where, row)
		}
		for i := range builders {
			builders[i].Add(&k.index[i], at)
		}
	}
	k.size = 0
	cols := make([]multilang.Column, len(builders))
	for i := range builders {
		cols[i] = builders[i].Column()
		k.size += len(cols[i].Data)
	}
	k.cols, k.index, k.where = cols, nil, live
}

// compact shrinks the frames of which few rows are left, so that one slow row
// does not hold on to thousands. mu is held.
func (l *ledger) compact() {
	if !slices.ContainsFunc(l.kept, func(k kept) bool { return k.isSparse() }) {
		return
	}
	rows := map[uint32][]uint32{}
	note := func(t acker.Tree) {
		if l.kept[t.Frame].isSparse() {
			rows[t.Frame] = append(rows[t.Frame], t.Row)
		}
	}
	l.table.Each(note)
	for _, r := range l.replays {
		note(r.tree)
	}
	for frame, live := range rows {
		k := &l.kept[frame]
		l.bytes -= k.size
		k.shrink(live)
		l.bytes += k.size
	}
}
