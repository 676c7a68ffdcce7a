// Package stream holds how rows move between tasks: batches of rows, the
// queues they wait in, the groupings that split them, and the pace at which a
// child is fed.
//
// It is pure: nothing here has a lock, a goroutine or a clock. Whoever owns a
// queue guards it.
package stream

import (
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// Source is one output stream of one component. There is one Source of each in
// a worker: they are compared as pointers.
type Source struct {
	Component topology.ComponentID
	Stream    topology.StreamID
	Fields    []string
}

// Run counts rows in a batch that one task emitted.
type Run struct {
	Task topology.TaskID
	Rows int
}

// Extra is a further tree that a row with several anchors belongs to. The
// row's edge is part of that tree, too.
type Extra struct {
	Row  int
	Root acker.Root
}

// Batch is rows of one source on their way to one task, or to any of the tasks
// of a component.
type Batch struct {
	Source *Source
	N      int
	Roots  []acker.Root // of each row; empty if nothing in the batch is tracked
	Edges  []uint64     // of each row
	Extras []Extra      // in the order of the rows
	Runs   []Run
	Solo   bool      // the only row travels alone: a child died of its tree
	Since  time.Time // when the first row was queued, or handed to the child

	builders []multilang.Builder // the rows, unless cols is set
	cols     []multilang.Column  // memory that others share
	index    []multilang.Index   // of cols, while the batch is taken apart
	taken    int                 // rows already taken from the front
	size     int                 // bytes, nearly
}

// NewBatch makes an empty batch that copies what is put into it.
func NewBatch(src *Source) *Batch {
	return &Batch{Source: src, builders: make([]multilang.Builder, len(src.Fields))}
}

// SharedBatch makes a batch of n rows that refers to cols, which must not change.
func SharedBatch(src *Source, n int, cols []multilang.Column) *Batch {
	b := &Batch{Source: src, N: n, cols: cols}
	for _, c := range cols {
		b.size += len(c.Data)
	}
	return b
}

// Builders returns where the rows of a batch made by NewBatch go. Call Done
// when rows have been added.
func (b *Batch) Builders() []multilang.Builder { return b.builders }

// Done counts the rows added to the builders; they were emitted by task.
func (b *Batch) Done(task topology.TaskID) {
	n := b.builders[0].Len()
	b.addRun(task, n-b.N)
	b.N = n
	b.size = 0
	for i := range b.builders {
		b.size += b.builders[i].Size()
	}
}

func (b *Batch) addRun(task topology.TaskID, rows int) {
	if k := len(b.Runs); k > 0 && b.Runs[k-1].Task == task {
		b.Runs[k-1].Rows += rows
	} else if rows > 0 {
		b.Runs = append(b.Runs, Run{task, rows})
	}
}

// SetRun says that task emitted all rows.
func (b *Batch) SetRun(task topology.TaskID) { b.Runs = append(b.Runs[:0], Run{task, b.N}) }

// Track adds the root and the edge of the next row.
func (b *Batch) Track(root acker.Root, edge uint64) {
	b.Roots = append(b.Roots, root)
	b.Edges = append(b.Edges, edge)
}

// Left returns how many rows have not been taken.
func (b *Batch) Left() int { return b.N - b.taken }

// Size returns the bytes of the rows, nearly.
func (b *Batch) Size() int { return b.size }

// Columns returns the rows as columns, valid until the batch changes.
func (b *Batch) Columns(dst []multilang.Column) []multilang.Column {
	if b.cols != nil {
		return append(dst, b.cols...)
	}
	for i := range b.builders {
		dst = append(dst, b.builders[i].Column())
	}
	return dst
}

// absorb appends the rows of other, of the same source.
func (b *Batch) absorb(other *Batch) {
	b.own()
	for i, c := range other.Columns(nil) {
		b.builders[i].AddColumn(c, other.N)
	}
	for len(b.Roots) < b.N && len(other.Roots) > 0 {
		b.Track(0, 0)
	}
	b.Roots = append(b.Roots, other.Roots...)
	b.Edges = append(b.Edges, other.Edges...)
	for _, x := range other.Extras {
		b.Extras = append(b.Extras, Extra{x.Row + b.N, x.Root})
	}
	for _, r := range other.Runs {
		b.addRun(r.Task, r.Rows)
	}
	b.N += other.N
	for len(b.Roots) > 0 && len(b.Roots) < b.N {
		b.Track(0, 0)
	}
	b.size += other.size
}

// own copies shared columns into builders.
func (b *Batch) own() {
	if b.cols == nil {
		return
	}
	b.builders = make([]multilang.Builder, len(b.cols))
	for i, c := range b.cols {
		b.builders[i].AddColumn(c, b.N)
	}
	b.cols, b.index = nil, nil
}

// take cuts the first rows off the batch, as many as the limits allow and at
// least one. The whole batch is returned as it is.
func (b *Batch) take(rows, size int) *Batch {
	if b.taken == 0 && b.N <= rows && b.size <= size {
		return b
	}
	b.openIndex()
	from, to := b.taken, b.taken+b.fit(min(rows, b.Left()), size)
	part := &Batch{Source: b.Source, N: to - from, Solo: b.Solo, Since: b.Since, cols: make([]multilang.Column, len(b.index))}
	for i := range b.index {
		part.cols[i] = b.index[i].Slice(from, to)
		part.size += len(part.cols[i].Data)
	}
	if len(b.Roots) > 0 {
		part.Roots, part.Edges = b.Roots[from:to:to], b.Edges[from:to:to]
	}
	for _, x := range b.Extras {
		if x.Row >= from && x.Row < to {
			part.Extras = append(part.Extras, Extra{x.Row - from, x.Root})
		}
	}
	part.Runs = cutRuns(b.Runs, from, to)
	b.taken = to
	b.size -= part.size
	return part
}

func (b *Batch) openIndex() {
	if b.index != nil {
		return
	}
	b.cols = b.Columns(nil)
	b.index = make([]multilang.Index, len(b.cols))
	for i, c := range b.cols {
		b.index[i].Set(c, b.N)
	}
}

// fit returns how many of the next rows have at most size bytes, at least one.
func (b *Batch) fit(rows, size int) int {
	bytes := func(n int) int {
		sum := 0
		for i := range b.index {
			sum += b.index[i].Bytes(b.taken, b.taken+n)
		}
		return sum
	}
	if bytes(rows) <= size {
		return rows
	}
	low, high := 1, rows // low fits or is one, high does not fit
	for high-low > 1 {
		if mid := (low + high) / 2; bytes(mid) <= size {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

func cutRuns(runs []Run, from, to int) []Run {
	var out []Run
	at := 0
	for _, r := range runs {
		lo, hi := max(at, from), min(at+r.Rows, to)
		if lo < hi {
			out = append(out, Run{r.Task, hi - lo})
		}
		at += r.Rows
	}
	return out
}

// Singles takes the batch apart into batches of one row.
func (b *Batch) Singles() []*Batch {
	if b.N == 1 {
		return []*Batch{b}
	}
	var ones []*Batch
	for b.Left() > 0 {
		ones = append(ones, b.take(1, 0))
	}
	return ones
}

// Waiting returns the roots of the rows that have not been taken.
func (b *Batch) Waiting() []acker.Root {
	if len(b.Roots) == 0 {
		return nil
	}
	roots := append([]acker.Root(nil), b.Roots[b.taken:]...)
	for _, x := range b.Extras {
		if x.Row >= b.taken {
			roots = append(roots, x.Root)
		}
	}
	return roots
}

// IsOf tells whether every row that has not been taken belongs to a tree.
func (b *Batch) IsOf(root acker.Root) bool {
	if len(b.Roots) == 0 {
		return b.Left() == 0
	}
	return !slices.ContainsFunc(b.Roots[b.taken:], func(r acker.Root) bool { return r != root })
}

// Updates appends the change that every tracked row that waits stands for in
// its trees: its edge.
func (b *Batch) Updates(us []acker.Update) []acker.Update {
	for i := b.taken; i < len(b.Roots); i++ {
		if b.Roots[i] != 0 {
			us = acker.Fold(us, b.Roots[i], b.Edges[i])
		}
	}
	for _, x := range b.Extras {
		if x.Row >= b.taken {
			us = append(us, acker.Update{Root: x.Root, Xor: b.Edges[x.Row]})
		}
	}
	return us
}
