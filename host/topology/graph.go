package topology

import "slices"

// Edge is one subscription: the bolt To reads the stream Stream of From.
type Edge struct {
	From   ComponentID
	Stream StreamID
	To     ComponentID
}

// source names a stream of a topology.
type source struct {
	from   ComponentID
	stream StreamID
}

// Edges lists all subscriptions, reader by reader, in the order of the file.
func Edges(t *Topology) []Edge {
	var edges []Edge
	for _, c := range t.Components {
		for _, in := range c.Inputs {
			edges = append(edges, Edge{in.From, in.Stream, c.ID})
		}
	}
	return edges
}

// Cycles lists the edges that lie inside a cycle: a tuple can travel along
// them and come back. An engine must not let such an edge block its reader.
func Cycles(t *Topology) []Edge {
	g := newGraph(t)
	var inside []Edge
	for _, e := range Edges(t) {
		// Within one component of strong connection every edge is part of some cycle.
		if g.group[g.index[e.From]] == g.group[g.index[e.To]] {
			inside = append(inside, e)
		}
	}
	return inside
}

// StopOrder groups the components in the order in which they can be stopped:
// everything that a group reads from stands before it, and the components of a
// cycle are one group. Where that leaves a choice, the order is that of the file.
func StopOrder(t *Topology) [][]ComponentID {
	g := newGraph(t)
	var order [][]ComponentID
	for _, group := range g.sorted() {
		order = append(order, g.ids(group))
	}
	return order
}

// Layers arranges the components for drawing: a component stands one layer
// below the lowest one that it reads from, and the components of a cycle share
// a layer. Within a layer the order is that of the file.
func Layers(t *Topology) [][]ComponentID {
	g := newGraph(t)
	depth := make([]int, len(t.Components))
	var layers [][]int
	for _, group := range g.sorted() {
		layer := 0
		for _, v := range group {
			for _, u := range g.sources[v] {
				if g.group[u] != g.group[v] {
					layer = max(layer, depth[u]+1)
				}
			}
		}
		for _, v := range group {
			depth[v] = layer
		}
		if layer == len(layers) {
			layers = append(layers, nil)
		}
		layers[layer] = append(layers[layer], group...)
	}
	var out [][]ComponentID
	for _, layer := range layers {
		slices.Sort(layer)
		out = append(out, g.ids(layer))
	}
	return out
}

// graph is a topology by the numbers of its components.
type graph struct {
	t       *Topology
	index   map[ComponentID]int
	sources [][]int // of each component
	readers [][]int
	group   []int   // of each component: its component of strong connection
	groups  [][]int // the members of each, ascending
}

func newGraph(t *Topology) *graph {
	n := len(t.Components)
	g := &graph{t: t, index: make(map[ComponentID]int, n), sources: make([][]int, n), readers: make([][]int, n), group: make([]int, n)}
	for i, c := range t.Components {
		g.index[c.ID] = i
	}
	for _, e := range Edges(t) {
		from, to := g.index[e.From], g.index[e.To]
		g.sources[to] = append(g.sources[to], from)
		g.readers[from] = append(g.readers[from], to)
	}
	g.connect()
	return g
}

// connect finds the components of strong connection.
// (R. Tarjan, "Depth-first search and linear graph algorithms", 1972.)
func (g *graph) connect() {
	var (
		count = 0
		seen  = make([]int, len(g.group)) // the order of discovery, from 1
		low   = make([]int, len(g.group))
		stack []int
		on    = make([]bool, len(g.group))
		visit func(v int)
	)
	visit = func(v int) {
		count++
		seen[v], low[v] = count, count
		stack, on[v] = append(stack, v), true
		for _, w := range g.readers[v] {
			if seen[w] == 0 {
				visit(w)
				low[v] = min(low[v], low[w])
			} else if on[w] {
				low[v] = min(low[v], seen[w])
			}
		}
		if low[v] != seen[v] {
			return
		}
		at := slices.Index(stack, v)
		members := slices.Sorted(slices.Values(stack[at:]))
		for _, w := range members {
			g.group[w], on[w] = len(g.groups), false
		}
		g.groups, stack = append(g.groups, members), stack[:at]
	}
	for v := range g.group {
		if seen[v] == 0 {
			visit(v) // as deep as the topology has components, which is bounded
		}
	}
}

// sorted returns the groups so that sources stand before readers; among those
// that are ready, the one with the earliest component comes first.
func (g *graph) sorted() [][]int {
	waiting := make([]int, len(g.groups)) // edges from groups that are not out yet
	for v, sources := range g.sources {
		for _, u := range sources {
			if g.group[u] != g.group[v] {
				waiting[g.group[v]]++
			}
		}
	}
	var ready []int
	for i := range g.groups {
		if waiting[i] == 0 {
			ready = append(ready, i)
		}
	}
	var out [][]int
	for len(ready) > 0 {
		first := 0
		for k, i := range ready {
			if g.groups[i][0] < g.groups[ready[first]][0] {
				first = k
			}
		}
		group := g.groups[ready[first]]
		ready = slices.Delete(ready, first, first+1)
		out = append(out, group)
		for _, v := range group {
			for _, w := range g.readers[v] {
				if i := g.group[w]; i != g.group[v] {
					if waiting[i]--; waiting[i] == 0 {
						ready = append(ready, i)
					}
				}
			}
		}
	}
	return out
}

func (g *graph) ids(members []int) []ComponentID {
	var out []ComponentID
	for _, v := range members {
		out = append(out, g.t.Components[v].ID)
	}
	return out
}
