// Package acker tracks tuple trees until they are done.
//
// A tree begins with a tuple of a spout. Every delivery of a tuple to a task is
// an edge with a random 64-bit id. A tree's word is the XOR of the ids of all
// its edges: each enters it once when the tuple is sent and once when it is
// acked, in any order, so the word is zero when every edge has been acked (and,
// with probability 2^-64 per update, by accident). The idea is Storm's acker;
// counting instead would be wrong, because a child's decrement can overtake
// its parent's increment.
//
// The package is pure: a [Table] holds no lock and no clock, its caller does.
package acker

import "fmt"

// Root names a tree: the table that owns it (16 bits), the generation of its
// slot (24 bits), the slot (24 bits). The zero Root is no tree: rows that
// carry it are not tracked.
type Root uint64

// Limits of a [Root]'s parts.
const (
	MaxTrees = 1 << 24 // in flight in one table
	maxGen   = 1<<24 - 1
)

// Owner returns the number of the table that owns the tree.
func (r Root) Owner() int { return int(r >> 48) }

// Bare returns the root without its owner, which every worker numbers for itself.
func (r Root) Bare() Root { return r & (1<<48 - 1) }

// Of returns a bare root with an owner.
func (r Root) Of(owner int) Root { return r.Bare() | Root(owner)<<48 }

func (r Root) slot() uint32 { return uint32(r) & (MaxTrees - 1) }
func (r Root) gen() uint32  { return uint32(r>>24) & maxGen }

// Update is a change of a tree's word.
type Update struct {
	Root Root
	Xor  uint64
}

// Fold appends an update, joined with the one before it if that is of the same
// tree: rows of one tree mostly follow each other.
func Fold(us []Update, root Root, xor uint64) []Update {
	if n := len(us); n > 0 && us[n-1].Root == root {
		us[n-1].Xor ^= xor
		return us
	}
	return append(us, Update{root, xor})
}

// Tree is what a table keeps of a tree for its owner.
type Tree struct {
	Frame    uint32 // the owner's number for where the tuple is kept
	Row      uint32 // in that frame
	Retries  uint32 // that the failed attempts have used up
	Attempts uint16 // failed attempts before this one
	Solo     bool   // its rows travel alone
}

type slot struct {
	word    uint64
	gen     uint32
	touched uint32 // tick of the last progress
	live    bool
	tree    Tree
}

// Place numbers a worker that may hold edges of a table's trees. Here is the
// table's own worker, which needs no number: with it the table is lost.
type Place int

// Here is the place of the table itself.
const Here Place = -1

// part is the XOR of the edges of a tree that lie at one place. It is of the
// tree that has the same generation, else nothing.
type part struct {
	gen  uint32
	word uint64
}

// Table holds the trees of one spout task. It is not safe for concurrent use.
type Table struct {
	owner uint16
	slots []slot
	free  []uint32
	parts [][]part // by place, then by slot; grown as needed
	live  int
	late  int
	tick  uint32
	first uint32 // generation of new slots
	rng   rng
}

// NewTable makes a table. The owner number, below 2^16, is part of every root;
// the seed of the edge ids must be random and differ between tables. So do the
// generations then: what comes late for a tree of a table that had the same
// owner before touches none of this one.
func NewTable(owner uint16, seed uint64) *Table {
	return &Table{owner: owner, rng: rng(seed), first: max(1, uint32(seed>>40))}
}

// Live returns the number of trees in flight.
func (t *Table) Live() int { return t.live }

// Late returns how many updates came for trees that had ended before.
func (t *Table) Late() int { return t.late }

// Tick tells the table the coarse time that counts as progress from now on.
func (t *Table) Tick(now uint32) { t.tick = now }

// Open begins a tree with one edge and returns both. It panics beyond MaxTrees:
// the owner bounds what it has in flight far below.
func (t *Table) Open(tree Tree) (Root, uint64) {
	var i uint32
	if n := len(t.free); n > 0 {
		i = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		if len(t.slots) == MaxTrees {
			panic(fmt.Sprintf("acker: more than %d trees in flight", MaxTrees))
		}
		i = uint32(len(t.slots))
		t.slots = append(t.slots, slot{gen: t.first})
	}
	s := &t.slots[i]
	edge := t.rng.next()
	s.word, s.tree, s.live, s.touched = edge, tree, true, t.tick
	t.live++
	return t.root(int(i)), edge
}

// Join adds one more first edge to a tree that Open has just begun: the tuple
// goes to more than one task.
func (t *Table) Join(r Root) uint64 {
	edge := t.rng.next()
	if s := t.find(r); s != nil {
		s.word ^= edge
	}
	return edge
}

// find returns the tree's slot, or nil if it has ended.
func (t *Table) find(r Root) *slot {
	i := r.slot()
	if int(i) >= len(t.slots) {
		return nil
	}
	s := &t.slots[i]
	if !s.live || s.gen != r.gen() {
		return nil
	}
	return s
}

// Apply makes the changes, which are of edges at a place, and appends the
// trees that they completed to done. The changes of one reply that add edges
// must be applied before those that ack some: a word may be zero only at the end.
func (t *Table) Apply(us []Update, at Place, done []Tree) []Tree {
	for i := range us {
		s := t.find(us[i].Root)
		if s == nil {
			t.late++
			continue
		}
		s.touched = t.tick
		if at != Here {
			t.part(us[i].Root, at).word ^= us[i].Xor
		}
		if s.word ^= us[i].Xor; s.word == 0 {
			done = append(done, s.tree)
			t.end(s, us[i].Root.slot())
		}
	}
	return done
}

// part returns a live tree's part at a place.
func (t *Table) part(r Root, at Place) *part {
	for int(at) >= len(t.parts) {
		t.parts = append(t.parts, nil)
	}
	i := r.slot()
	for int(i) >= len(t.parts[at]) {
		t.parts[at] = append(t.parts[at], make([]part, max(64, len(t.slots)-len(t.parts[at])))...)
	}
	p := &t.parts[at][i]
	if p.gen != r.gen() {
		*p = part{gen: r.gen()}
	}
	return p
}

// Move notes that edges have gone from one place to another, which changes no
// tree's word.
func (t *Table) Move(us []Update, from, to Place) {
	for _, u := range us {
		if t.find(u.Root) == nil {
			continue
		}
		if from != Here {
			t.part(u.Root, from).word ^= u.Xor
		}
		if to != Here {
			t.part(u.Root, to).word ^= u.Xor
		}
	}
}

// At appends the trees that have edges at a place.
func (t *Table) At(at Place, roots []Root) []Root {
	if at == Here || int(at) >= len(t.parts) {
		return roots
	}
	for i, p := range t.parts[at] {
		if i < len(t.slots) && t.slots[i].live && p.gen == t.slots[i].gen && p.word != 0 {
			roots = append(roots, t.root(i))
		}
	}
	return roots
}

// Leave is At for a place that is no more: nothing is kept of it.
func (t *Table) Leave(at Place, roots []Root) []Root {
	roots = t.At(at, roots)
	if at != Here && int(at) < len(t.parts) {
		t.parts[at] = nil
	}
	return roots
}

// Roots appends all trees in flight.
func (t *Table) Roots(roots []Root) []Root {
	for i := range t.slots {
		if t.slots[i].live {
			roots = append(roots, t.root(i))
		}
	}
	return roots
}

func (t *Table) root(slot int) Root {
	return Root(t.owner)<<48 | Root(t.slots[slot].gen)<<24 | Root(slot)
}

func (t *Table) end(s *slot, i uint32) {
	s.live = false
	if s.gen++; s.gen > maxGen {
		s.gen = 1
	}
	t.free = append(t.free, i)
	t.live--
}

// Fail ends a tree and returns it; false if it has ended before.
func (t *Table) Fail(r Root) (Tree, bool) {
	s := t.find(r)
	if s == nil {
		return Tree{}, false
	}
	tree := s.tree
	t.end(s, r.slot())
	return tree, true
}

// Look returns a tree that lives; false if it has ended.
func (t *Table) Look(r Root) (Tree, bool) {
	if s := t.find(r); s != nil {
		return s.tree, true
	}
	return Tree{}, false
}

// Touch restarts a tree's clock: its tuple waits in a queue, through no fault of its own.
func (t *Table) Touch(r Root) {
	if s := t.find(r); s != nil {
		s.touched = t.tick
	}
}

// Overdue appends the trees that have made no progress since the tick. Walking
// the whole table costs some nanoseconds a slot and happens a few times in a
// message timeout, which is less than keeping every tree in a bucket.
func (t *Table) Overdue(since uint32, roots []Root) []Root {
	for i := range t.slots {
		s := &t.slots[i]
		if s.live && int32(s.touched-since) <= 0 {
			roots = append(roots, t.root(i))
		}
	}
	return roots
}

// Each calls f for every tree in flight.
func (t *Table) Each(f func(Tree)) {
	for i := range t.slots {
		if t.slots[i].live {
			f(t.slots[i].tree)
		}
	}
}

// rng is splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
// Generators, 2014). Ids need to be unpredictable by accident only.
type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	if z ^= z >> 31; z == 0 {
		return 1
	}
	return z
}

// Edges makes edge ids for a task's emits. It is not safe for concurrent use.
type Edges struct{ rng rng }

// NewEdges makes a source of edge ids; the seed must be random.
func NewEdges(seed uint64) *Edges { return &Edges{rng(seed)} }

// Next returns an edge id, never 0.
func (e *Edges) Next() uint64 { return e.rng.next() }
