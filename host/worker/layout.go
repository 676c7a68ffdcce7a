package worker

import (
	"fmt"
	"sync/atomic"

	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// component is a spout or bolt.
type component struct {
	// Fixed once the worker is laid out.
	*topology.Component
	number    int
	all       []topology.Task  // of the component, wherever they run
	inboxes   []*inbox         // of all tasks, in order; those of other workers' tasks are emptied by links
	sources   []*stream.Source // by output stream
	mostBytes int              // that a frame to a child may have
	senders   []*component     // that it reads from, but for edges inside a cycle

	// pools hold rows that any task of the component may take: one for each
	// worker that has some of them, ours first. A component with one task has none.
	pools atomic.Pointer[[]*inbox]

	local atomic.Pointer[[]*task] // tasks, for readers without the lock
	level atomic.Int32            // a Level: from which on it logs
	taps  atomic.Pointer[[]*Tap]  // nil: nobody looks at what it emits; written under Worker.tapping

	// Guarded by Worker.mu.
	tasks []*task // that run here
}

func newComponent(w *Worker, c *topology.Component, number int) *component {
	comp := &component{Component: c, number: number, mostBytes: w.opts.Topology.Config.MaxMessageBytes + multilang.FrameSlack/2}
	comp.pools.Store(new([]*inbox))
	comp.local.Store(new([]*task))
	comp.level.Store(int32(LevelUsual))
	for _, s := range c.Outputs {
		comp.sources = append(comp.sources, &stream.Source{Component: c.ID, Stream: s.ID, Fields: s.Fields})
	}
	return comp
}

// hasPools tells whether rows may have a choice of tasks.
func (c *component) hasPools() bool { return c.Kind == topology.Bolt && len(c.all) > 1 }

// edge is a subscription, as one sending task sees it.
type edge struct {
	group *stream.Grouping
	to    *component
	loop  bool // it lies in a cycle, and must never be waited for
}

// single returns the inbox that a row for any task goes to when there is no
// choice; nil when there are several pools.
func (e *edge) single() *inbox {
	if len(e.to.inboxes) == 1 {
		return e.to.inboxes[0]
	}
	if pools := *e.to.pools.Load(); len(pools) == 1 {
		return pools[0]
	}
	return nil
}

// leastBusy returns the inbox of a task for a row that any may take.
func (e *edge) leastBusy() *inbox {
	if local := (*e.to.local.Load()); len(local) > 0 {
		return leastBusyFirst(local)[0].inbox
	}
	return e.to.inboxes[0]
}

// shares appends, for each of n rows, the pool that it goes to: in lots of a
// frame, each to the pool with the least waiting for each of its tasks.
func (e *edge) shares(dst []uint16, pools []*inbox, n int) []uint16 {
	load := make([]float64, len(pools))
	tasks := make([]float64, len(pools))
	for i, p := range pools {
		waiting, k := p.waiting()
		load[i], tasks[i] = float64(waiting), float64(max(k, 1))
	}
	for n > 0 {
		best := 0
		for i := range pools {
			if load[i]/tasks[i] < load[best]/tasks[best] {
				best = i
			}
		}
		lot := min(n, max(1, int(pools[best].frame.Load())/max(1, int(tasks[best]))))
		for range lot {
			dst = append(dst, uint16(best))
		}
		load[best] += float64(lot)
		n -= lot
	}
	return dst
}

// waiting returns the rows of an inbox that no task has finished, and how
// many tasks there are for them.
func (in *inbox) waiting() (rows, tasks int) {
	_, rows = in.peek()
	h := in.home.Load()
	for _, t := range h.tasks {
		rows += int(t.busy.Load())
	}
	if h.peer == nil {
		return rows, len(h.tasks)
	}
	for _, id := range in.comp.all {
		if in.w.inboxOf[id.ID-1].home.Load().peer == h.peer {
			tasks++
		}
	}
	return rows + h.peer.outstanding(in), tasks
}

// layOut makes the components, their inboxes and what connects them.
func (w *Worker) layOut() error {
	w.byID = map[topology.ComponentID]*component{}
	for i, c := range w.opts.Topology.Components {
		comp := newComponent(w, c, i)
		w.byID[c.ID] = comp
		w.components = append(w.components, comp)
	}
	for _, t := range w.opts.Topology.Tasks() {
		comp := w.byID[t.Component.ID]
		comp.all = append(comp.all, t)
		in := newInbox(w, comp)
		in.task = t.ID
		comp.inboxes = append(comp.inboxes, in)
		w.inboxOf = append(w.inboxOf, in)
	}
	for _, c := range w.components {
		if c.hasPools() { // rows may come before the first plan
			c.pools.Store(&[]*inbox{newInbox(w, c)})
		}
	}
	w.loops = map[topology.Edge]bool{}
	for _, e := range topology.Cycles(w.opts.Topology) {
		w.loops[e] = true
	}
	for _, c := range w.components {
		for _, in := range c.Inputs {
			from := w.byID[in.From]
			if from.Output(in.Stream) == nil {
				return fmt.Errorf("component %s: %s has no stream %s", c.ID, in.From, in.Stream)
			}
			if !w.loops[topology.Edge{From: in.From, Stream: in.Stream, To: c.ID}] {
				c.senders = append(c.senders, from)
			}
		}
	}
	return nil
}

// inputsOf returns, for a component, the index of each source among its inputs.
func (w *Worker) inputsOf(c *component) map[*stream.Source]int {
	inputs := map[*stream.Source]int{}
	for i, in := range c.Inputs {
		for _, s := range w.byID[in.From].sources {
			if s.Stream == in.Stream {
				inputs[s] = i
			}
		}
	}
	return inputs
}

// edgesOf makes the edges of one sending task, by output stream.
func (w *Worker) edgesOf(from *component) ([][]*edge, error) {
	edges := make([][]*edge, len(from.sources))
	for _, to := range w.components {
		for _, in := range to.Inputs {
			if in.From != from.ID {
				continue
			}
			for i, s := range from.sources {
				if s.Stream != in.Stream {
					continue
				}
				var ids []topology.TaskID
				for _, t := range to.all {
					ids = append(ids, t.ID)
				}
				g, err := stream.NewGrouping(in, s.Fields, ids)
				if err != nil {
					return nil, fmt.Errorf("component %s: %w", to.ID, err)
				}
				loop := w.loops[topology.Edge{From: in.From, Stream: in.Stream, To: to.ID}]
				edges[i] = append(edges[i], &edge{group: g, to: to, loop: loop})
			}
		}
	}
	return edges, nil
}

// heldBack tells whether a consumer has no room for what the task emits.
func (t *task) heldBack() bool {
	for _, edges := range t.edges {
		for _, e := range edges {
			if !e.loop && e.isFull() {
				return true
			}
		}
	}
	return false
}

// isFull tells whether rows of the edge have nowhere to go: an inbox that one
// of them may have to go to is full, or all from which one could choose are.
func (e *edge) isFull() bool {
	if e.group.Spread() != stream.ToAny || len(e.to.inboxes) == 1 {
		for _, in := range e.to.inboxes {
			if in.full.Load() {
				return true
			}
		}
		return false
	}
	pools := *e.to.pools.Load()
	for _, p := range pools {
		if !p.full.Load() {
			return false
		}
	}
	return len(pools) > 0
}
