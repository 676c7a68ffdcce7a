package worker

import (
	"github.com/polybolt/polybolt/host/acker"
)

// draw makes the edges of the rows of one delivery and enters them in the
// changes of the trees they are anchored to. For rows that go to another
// worker the changes are counted for that one.
func (r *router) draw(from []int32, to uint64) []uint64 {
	r.drawn = r.drawn[:0]
	if len(r.roots) == 0 {
		return nil
	}
	if to != r.t.w.self {
		return r.drawRemote(to)
	}
	for row, i := range from {
		if i < 0 || r.roots[row] == 0 {
			r.drawn = append(r.drawn, r.drawFor(row))
			continue
		}
		once := r.inherit && (row == 0 || from[row-1] != i) && (row == len(from)-1 || from[row+1] != i)
		if once && r.xors[i] != 0 {
			r.drawn = append(r.drawn, r.xors[i])
			r.xors[i] = 0
			continue
		}
		edge := r.edges.Next()
		r.xors[i] ^= edge
		r.drawn = append(r.drawn, edge)
	}
	for _, x := range r.extras {
		r.updates = append(r.updates, acker.Update{Root: x.Root, Xor: r.drawn[x.Row]})
	}
	return r.drawn
}

// drawRemote is draw for rows that go to another worker.
func (r *router) drawRemote(to uint64) []uint64 {
	us := r.placedAt(to)
	for _, root := range r.roots {
		edge := uint64(0)
		if root != 0 {
			edge = r.edges.Next()
			*us = acker.Fold(*us, root, edge)
		}
		r.drawn = append(r.drawn, edge)
	}
	for _, x := range r.extras {
		*us = append(*us, acker.Update{Root: x.Root, Xor: r.drawn[x.Row]})
	}
	return r.drawn
}

// placedAt returns the list of changes by edges counted for a worker.
func (r *router) placedAt(worker uint64) *[]acker.Update {
	for i := range r.remote {
		if r.remote[i].worker == worker {
			return &r.remote[i].updates
		}
	}
	r.remote = append(r.remote, placed{worker: worker})
	return &r.remote[len(r.remote)-1].updates
}

// drawFor makes the edge of a row that is not anchored by position.
func (r *router) drawFor(row int) uint64 {
	root := r.roots[row]
	if root == 0 {
		return 0
	}
	edge := r.edges.Next()
	r.updates = append(r.updates, acker.Update{Root: root, Xor: edge})
	return edge
}

// drawMixed is draw for rows that go to several workers, row by row as targets says.
func (r *router) drawMixed(from []int32, counted []uint64) []uint64 {
	r.drawn = r.drawn[:0]
	lists := make([]*[]acker.Update, len(counted))
	for range 2 { // the second time the lists stay where they are
		for t, worker := range counted {
			if worker != 0 && worker != r.t.w.self {
				lists[t] = r.placedAt(worker)
			} else {
				lists[t] = &r.updates
			}
		}
	}
	for row, root := range r.roots {
		edge := uint64(0)
		if root != 0 {
			edge = r.edges.Next()
			us := lists[r.targets[row]]
			if i := from[row]; us == &r.updates && i >= 0 {
				r.xors[i] ^= edge
			} else {
				*us = acker.Fold(*us, root, edge)
			}
		}
		r.drawn = append(r.drawn, edge)
	}
	for _, x := range r.extras {
		us := lists[r.targets[x.Row]]
		*us = append(*us, acker.Update{Root: x.Root, Xor: r.drawn[x.Row]})
	}
	return r.drawn
}
