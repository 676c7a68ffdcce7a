package acker

import (
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

// message is what a bolt's reply does to a tree: it acks one edge and sends new ones.
type message struct{ xor uint64 }

// grow makes a random tree of at most depth levels below an edge and returns
// the messages of all its nodes.
func grow(t *rapid.T, table *Table, edges *Edges, edge uint64, depth int) []message {
	children := 0
	if depth > 0 {
		children = rapid.IntRange(0, 3).Draw(t, "children")
	}
	m := message{edge}
	var all []message
	for range children {
		e := edges.Next()
		m.xor ^= e
		all = append(all, grow(t, table, edges, e, depth-1)...)
	}
	return append(all, m)
}

// A tree ends with its last message, in whatever order they come.
func TestTreeEndsWithItsLastMessageInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, edges := NewTable(3, 1), NewEdges(rapid.Uint64Range(2, 1<<63).Draw(t, "edges"))
		root, edge := table.Open(Tree{Row: 7})
		messages := grow(t, table, edges, edge, 4)
		for n := rapid.IntRange(0, 2).Draw(t, "further first edges"); n > 0; n-- {
			messages = append(messages, grow(t, table, edges, table.Join(root), 2)...)
		}
		messages = rapid.Permutation(messages).Draw(t, "order")
		for i, m := range messages {
			done := table.Apply([]Update{{root, m.xor}}, Here, nil)
			if ended, last := len(done) == 1, i == len(messages)-1; ended != last {
				t.Fatalf("message %d of %d: ended %v", i, len(messages), ended)
			}
		}
		if table.Live() != 0 || table.Late() != 0 {
			t.Fatal(table.Live(), table.Late())
		}
	})
}

// Every interleaving of two paths to one root: a join whose rows are anchored
// to both sides' rows, which are of the same tree.
func TestDiamondUnderEveryInterleaving(t *testing.T) {
	const a, b, j1, j2 = 1, 2, 4, 8 // edges: spout to a and to b, a to join, b to join
	messages := []uint64{a ^ j1, b ^ j2, j1, j2}
	permutations(len(messages), func(order []int) {
		table := NewTable(0, 1)
		root, first := table.Open(Tree{})
		table.Apply([]Update{{root, first ^ a ^ b}}, Here, nil)
		for i, m := range order {
			done := table.Apply([]Update{{root, messages[m]}}, Here, nil)
			if (len(done) == 1) != (i == len(order)-1) {
				t.Fatalf("order %v: ended after message %d", order, i)
			}
		}
	})
}

// A row that hands its own edge on sends nothing. With one emit that is safe
// in every interleaving; with more it is not, which is why the engine does it
// for one only.
func TestInheritedEdge(t *testing.T) {
	ends := func(messages []uint64) (early bool) {
		permutations(len(messages), func(order []int) {
			table := NewTable(0, 1)
			root, first := table.Open(Tree{})
			table.Apply([]Update{{root, first ^ 1}}, Here, nil)
			for i, m := range order {
				if done := table.Apply([]Update{{root, messages[m]}}, Here, nil); len(done) == 1 && i < len(order)-1 {
					early = true
				}
			}
		})
		return early
	}
	if ends([]uint64{1}) { // row 1 emits one, which inherits edge 1 and acks it
		t.Error("one emit: ended early")
	}
	if !ends([]uint64{2, 1, 2}) { // row 1 emits two: edge 1 is inherited, edge 2 is new and announced; the heir may overtake
		t.Error("two emits: expected some order to end the tree early")
	}
}

func permutations(n int, f func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var rec func(int)
	rec = func(k int) {
		if k == n {
			f(order)
			return
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			rec(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	rec(0)
}

func TestLateUpdatesTouchNoNewTree(t *testing.T) {
	table := NewTable(1, 9)
	old, edge := table.Open(Tree{Row: 1})
	if _, ok := table.Fail(old); !ok {
		t.Fatal("no tree")
	}
	fresh, _ := table.Open(Tree{Row: 2})
	if old.slot() != fresh.slot() {
		t.Fatal("the slot was not used again")
	}
	if done := table.Apply([]Update{{old, edge}}, Here, nil); len(done) != 0 || table.Late() != 1 || table.Live() != 1 {
		t.Error(done, table.Late(), table.Live())
	}
	if _, ok := table.Fail(old); ok {
		t.Error("failed twice")
	}
}

func TestOverdueAndTouch(t *testing.T) {
	table := NewTable(1, 9)
	a, _ := table.Open(Tree{})
	b, _ := table.Open(Tree{})
	c, edge := table.Open(Tree{})
	table.Tick(5)
	table.Touch(a)
	table.Apply([]Update{{c, edge ^ 77}}, Here, nil)
	if got := table.Overdue(4, nil); len(got) != 1 || got[0] != b {
		t.Errorf("overdue %v, not %v", got, b)
	}
}

func TestRootParts(t *testing.T) {
	table := NewTable(65535, 1)
	for range 3 {
		r, e := table.Open(Tree{})
		if r.Owner() != 65535 || r == 0 || bits.OnesCount64(e) == 0 {
			t.Error(r, e)
		}
	}
}

func TestGenerationsWrap(t *testing.T) {
	table := NewTable(0, 1)
	table.slots = []slot{{gen: maxGen}}
	table.free = []uint32{0}
	r, _ := table.Open(Tree{})
	table.Fail(r)
	if n, _ := table.Open(Tree{}); n.gen() != 1 || n == 0 {
		t.Error(n)
	}
}

func BenchmarkOpenApply(b *testing.B) {
	table := NewTable(0, 1)
	us, done := make([]Update, 0, 1000), make([]Tree, 0, 1000)
	for b.Loop() {
		us, done = us[:0], done[:0]
		for range 1000 {
			r, e := table.Open(Tree{})
			us = append(us, Update{r, e})
		}
		done = table.Apply(us, Here, done)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/tree")
}

// Edges at a place name the trees that fail when the place is lost.
func TestAtFindsTheTreesWithEdgesAtAPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, edges := NewTable(2, 1), NewEdges(1<<63)
		const places = 3
		type live struct {
			root Root
			at   [places]map[uint64]bool
		}
		var trees []*live
		for step := rapid.IntRange(1, 60).Draw(t, "steps"); step > 0; step-- {
			switch op := rapid.IntRange(0, 3).Draw(t, "op"); {
			case op == 0 || len(trees) == 0:
				r, e := table.Open(Tree{})
				x := &live{root: r}
				for i := range x.at {
					x.at[i] = map[uint64]bool{}
				}
				p := rapid.IntRange(0, places-1).Draw(t, "place")
				edge := edges.Next() // the spout's tuple goes to a task at p; its own edge is acked
				table.Apply([]Update{{r, edge}}, Place(p), nil)
				table.Apply([]Update{{r, e}}, Here, nil)
				x.at[p][edge] = true
				trees = append(trees, x)
			default:
				i := rapid.IntRange(0, len(trees)-1).Draw(t, "tree")
				x := trees[i]
				from := rapid.IntRange(0, places-1).Draw(t, "from")
				to := rapid.IntRange(0, places-1).Draw(t, "to")
				for e := range x.at[from] {
					delete(x.at[from], e)
					if op == 1 { // acked
						if done := table.Apply([]Update{{x.root, e}}, Place(from), nil); len(done) == 1 {
							trees = append(trees[:i], trees[i+1:]...)
						}
					} else if op == 2 { // moved
						table.Move([]Update{{x.root, e}}, Place(from), Place(to))
						x.at[to][e] = true
					} else { // one more for the same tree, then acked
						f := edges.Next()
						table.Apply([]Update{{x.root, f}}, Place(to), nil)
						table.Apply([]Update{{x.root, e}}, Place(from), nil)
						x.at[to][f] = true
					}
					break
				}
			}
			for p := range places {
				want := map[Root]bool{}
				for _, x := range trees {
					if len(x.at[p]) > 0 {
						want[x.root] = true
					}
				}
				got := table.At(Place(p), nil)
				if len(got) != len(want) {
					t.Fatalf("place %d: %d trees, not %d", p, len(got), len(want))
				}
				for _, r := range got {
					if !want[r] {
						t.Fatalf("place %d: %v has nothing there", p, r)
					}
				}
			}
		}
	})
}

// What is kept of a place goes with it: workers come and go for as long as a
// table lives.
func TestLeaveFreesAPlace(t *testing.T) {
	table, edges := NewTable(2, 1), NewEdges(1<<63)
	r, e := table.Open(Tree{})
	lost := edges.Next()
	table.Apply([]Update{{r, lost}}, Place(1), nil)
	if got := table.Leave(Place(1), nil); len(got) != 1 || got[0] != r {
		t.Errorf("left are %v", got)
	}
	if table.parts[1] != nil || len(table.Leave(Place(1), nil)) > 0 || len(table.Leave(Place(7), nil)) > 0 {
		t.Errorf("kept: %v", table.parts)
	}
	if done := table.Apply([]Update{{r, e ^ lost}}, Here, nil); len(done) != 1 {
		t.Error("the tree's word has changed")
	}
}
