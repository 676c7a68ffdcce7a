package topology

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// wired makes a topology from edges such as "a>b", in the order given by ids; ids in capitals are spouts.
func wired(ids string, edges ...string) *Topology {
	t := &Topology{Name: "t", Config: DefaultConfig()}
	for id := range strings.FieldsSeq(ids) {
		c := &Component{ID: ComponentID(id), Kind: Bolt, Command: []string{"a"}, Parallelism: 1, Outputs: []Stream{{DefaultStream, []string{"x"}}}}
		if strings.ToUpper(id) == id {
			c.Kind = Spout
		}
		t.Components = append(t.Components, c)
	}
	for _, e := range edges {
		from, to, _ := strings.Cut(e, ">")
		c := t.Component(ComponentID(to))
		c.Inputs = append(c.Inputs, Input{From: ComponentID(from), Stream: DefaultStream})
	}
	return t
}

func groupsText(groups [][]ComponentID) string {
	var out []string
	for _, g := range groups {
		var ids []string
		for _, id := range g {
			ids = append(ids, string(id))
		}
		out = append(out, strings.Join(ids, " "))
	}
	return strings.Join(out, " | ")
}

// TestOrder tests layers, the order of stopping and cycles of small graphs.
func TestOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ids   string
		edges       []string
		stop        string
		layers      string
		insideCycle []string
	}{
		{"chain against the file", "S c b a", []string{"S>a", "a>b", "b>c"}, "S | a | b | c", "S | a | b | c", nil},
		{"diamond", "S l r j", []string{"S>l", "S>r", "l>j", "r>j"}, "S | l | r | j", "S | l r | j", nil},
		{"short cut", "S a b", []string{"S>b", "S>a", "a>b"}, "S | a | b", "S | a | b", nil},
		{"self", "S a b", []string{"S>a", "a>a", "a>b"}, "S | a | b", "S | a | b", []string{"a>a"}},
		{"cycle", "S a b c", []string{"S>a", "c>a", "a>b", "b>c"}, "S | a b c", "S | a b c", []string{"c>a", "a>b", "b>c"}},
		{"two cycles, an edge between", "S a b c d", []string{"S>a", "b>a", "a>b", "b>c", "d>c", "c>d"}, "S | a b | c d", "S | a b | c d", []string{"b>a", "a>b", "d>c", "c>d"}},
		{"two cycles that share a bolt", "S a b c", []string{"S>a", "b>a", "c>a", "a>b", "a>c"}, "S | a b c", "S | a b c", []string{"b>a", "c>a", "a>b", "a>c"}},
		{"cycle before its source in the file", "S z y a", []string{"y>z", "z>y", "a>y", "S>a"}, "S | a | z y", "S | a | z y", []string{"y>z", "z>y"}},
		{"two sources", "S T a b", []string{"S>a", "T>b"}, "S | T | a | b", "S T | a b", nil},
	} {
		top := wired(c.ids, c.edges...)
		var inside []string
		for _, e := range Cycles(top) {
			inside = append(inside, fmt.Sprintf("%s>%s", e.From, e.To))
		}
		got := []any{groupsText(StopOrder(top)), groupsText(Layers(top)), slices.Sorted(slices.Values(inside))}
		want := []any{c.stop, c.layers, slices.Sorted(slices.Values(c.insideCycle))}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// drawGraph draws a random graph of a spout and some bolts.
func drawGraph(r *rapid.T) *Topology {
	n := rapid.IntRange(1, 8).Draw(r, "bolts")
	ids := []string{"S"}
	for i := range n {
		ids = append(ids, string(rune('a'+i)))
	}
	node := rapid.SampledFrom(ids)
	var edges []string
	for range rapid.IntRange(0, 14).Draw(r, "edges") {
		e := node.Draw(r, "from") + ">" + rapid.SampledFrom(ids[1:]).Draw(r, "to")
		if !slices.Contains(edges, e) {
			edges = append(edges, e)
		}
	}
	return wired(strings.Join(ids, " "), edges...)
}

// reaches reports whether one component's tuples can get to another, by at least one edge.
func reaches(t *Topology, from, to ComponentID) bool {
	seen := map[ComponentID]bool{}
	next := []ComponentID{from}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, e := range Edges(t) {
			if e.From == at && !seen[e.To] {
				seen[e.To] = true
				next = append(next, e.To)
			}
		}
	}
	return seen[to]
}

// TestGraphLaws tests cycles and orders of random graphs against their definitions.
func TestGraphLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		top := drawGraph(r)
		inside := Cycles(top)
		for _, e := range Edges(top) {
			if want := e.From == e.To || reaches(top, e.To, e.From); slices.Contains(inside, e) != want {
				r.Fatalf("edge %v in a cycle: want %v", e, want)
			}
		}
		for what, groups := range map[string][][]ComponentID{"layers": Layers(top), "stop": StopOrder(top)} {
			at := map[ComponentID]int{}
			for i, g := range groups {
				for _, id := range g {
					at[id] = i
				}
			}
			if len(at) != len(top.Components) {
				r.Fatalf("%s: %v", what, groups)
			}
			for _, e := range Edges(top) {
				switch {
				case slices.Contains(inside, e):
					if at[e.From] != at[e.To] {
						r.Fatalf("%s: the cycle of %v is torn: %v", what, e, groups)
					}
				case at[e.From] >= at[e.To]:
					r.Fatalf("%s: %v points back: %v", what, e, groups)
				}
			}
		}
	})
}
