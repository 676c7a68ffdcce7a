package worker

import (
	"fmt"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/multilang"
)

// anchorsOf appends, for each row of a group of a reply, the covered row that it
// is anchored to by position; fromNone if it is to none.
func anchorsOf(from []int32, g *multilang.Group, m *multilang.FromChild) ([]int32, error) {
	var err error
	switch g.How {
	case multilang.AnchorEach:
		if g.N != m.N {
			return from, fmt.Errorf("%d rows anchored one to one to %d covered rows", g.N, m.N)
		}
		from = identity(from, g.N)
	case multilang.AnchorEnds:
		if g.Anchors.Len() != m.N {
			return from, fmt.Errorf("anchors of %d rows for %d covered rows", g.Anchors.Len(), m.N)
		}
		if from, err = byEnds(from, g.Anchors, g.N); err != nil {
			return from, err
		}
	case multilang.AnchorRefs:
		if g.Anchors.Len() != 2*g.N {
			return from, fmt.Errorf("anchors of %d rows for %d emitted rows", g.Anchors.Len()/2, g.N)
		}
	}
	for len(from) < g.N {
		from = append(from, fromNone)
	}
	return from, nil
}

// explicit looks up the trees of rows with anchors of their own, and marks
// those rows in from. solo: one of the anchors travels alone.
func (t *task) explicit(g *multilang.Group, from []int32) (refs map[int][]acker.Root, solo bool) {
	if g.How != multilang.AnchorRefs && len(g.Multi) == 0 {
		return nil, false
	}
	refs = map[int][]acker.Root{}
	set := func(row int, pairs multilang.U32s) {
		var roots []acker.Root
		for i := range pairs.Len() / 2 {
			more, alone := t.rootsOf(ref{pairs.At(2 * i), pairs.At(2*i + 1)})
			roots, solo = append(roots, more...), solo || alone
		}
		if roots = distinct(roots); len(roots) > 0 {
			refs[row], from[row] = roots, fromRefs
		} else {
			delete(refs, row)
			from[row] = fromNone
		}
	}
	multi := map[int]bool{} // rows whose anchors stand there instead
	for _, m := range g.Multi {
		multi[m.Row] = true
		set(m.Row, m.Refs)
	}
	if g.How == multilang.AnchorRefs {
		for row := range g.N {
			if !multi[row] {
				set(row, g.Anchors[8*row:8*row+8])
			}
		}
	}
	return refs, solo
}

// distinct removes zero and repeated roots: a row with two anchors in one tree
// is one edge of it.
func distinct(roots []acker.Root) []acker.Root {
	out := roots[:0]
next:
	for _, r := range roots {
		for _, o := range out {
			if o == r {
				continue next
			}
		}
		if r != 0 {
			out = append(out, r)
		}
	}
	return out
}

// identity appends 0 … n-1.
func identity(dst []int32, n int) []int32 {
	for i := range n {
		dst = append(dst, int32(i))
	}
	return dst
}

// byEnds appends, for each of n rows, the covered row that it belongs to: ends
// are cumulative. Rows after the last end belong to the row after the covered ones.
func byEnds(dst []int32, ends multilang.U32s, n int) ([]int32, error) {
	row := 0
	for i := range ends.Len() {
		end := int(ends.At(i))
		if end < row || end > n {
			return dst, fmt.Errorf("anchors: end %d of row %d is not between %d and %d", end, i, row, n)
		}
		for ; row < end; row++ {
			dst = append(dst, int32(i))
		}
	}
	for ; row < n; row++ {
		dst = append(dst, int32(ends.Len()))
	}
	return dst, nil
}
