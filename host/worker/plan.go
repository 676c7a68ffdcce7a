package worker

import (
	"slices"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/stream"
	"github.com/polybolt/polybolt/host/topology"
)

// Plan says which tasks run where, as far as is known.
type Plan struct {
	Mode    Mode                       // what spouts are to do
	Workers map[uint64]Sender          // the other workers that are alive, by incarnation, and the ways to them
	Tasks   map[topology.TaskID]uint64 // the worker of each task; 0 or missing: nowhere, yet
}

// Everything is the plan of a worker that has all tasks.
func (w *Worker) Everything(m Mode) Plan {
	p := Plan{Mode: m, Tasks: map[topology.TaskID]uint64{}}
	for _, t := range w.opts.Topology.Tasks() {
		p.Tasks[t.ID] = w.self
	}
	return p
}

// Apply follows a new plan: tasks that came here are started and tasks that
// went elsewhere are stopped, rows that wait go where their tasks went, and
// trees that had rows at a worker that is gone fail. Tasks that stay are not
// disturbed. It may be called before Run and while it runs, not concurrently.
func (w *Worker) Apply(p Plan) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.follow(p)
}

// follow is Apply; mu is held.
func (w *Worker) follow(p Plan) error {
	if w.running != nil && w.running.Err() != nil {
		return nil // the worker ends
	}
	w.planned, w.mode = true, p.Mode
	lost := w.updatePeers(p.Workers)
	leaving, err := w.placeTasks(p.Tasks)
	if err != nil {
		return err
	}
	for _, c := range w.components {
		w.placePools(c, p.Tasks)
	}
	for _, in := range w.inboxOf {
		w.settleIn(in, w.homeOf(p.Tasks[in.task], w.localTask(in.task)))
	}
	for _, t := range leaving {
		if t.ledger != nil {
			w.outlive(t)
		}
		t.stop()
	}
	for _, l := range w.localLedgers() {
		for _, worker := range lost {
			l.lose(worker)
		}
	}
	for _, t := range w.tasks {
		t.setMode(p.Mode)
	}
	for _, c := range w.components {
		for _, in := range slices.Concat(c.inboxes, *c.pools.Load()) {
			in.wake()
			in.kick()
		}
	}
	return nil
}

// updatePeers adds and removes peers, and returns the workers that are gone. mu is held.
func (w *Worker) updatePeers(workers map[uint64]Sender) (lost []uint64) {
	peers := map[uint64]*peer{}
	for id, p := range *w.peers.Load() {
		if _, ok := workers[id]; ok {
			peers[id] = p
			continue
		}
		p.mu.Lock()
		p.gone = true
		p.mu.Unlock()
		w.dead.Store(id, true)
		lost = append(lost, id)
	}
	for id, link := range workers {
		if id != w.self && peers[id] == nil {
			peers[id] = newPeer(w, id, link)
			w.dead.Delete(id) // what it had before is lost all the same
		}
	}
	w.peers.Store(&peers)
	w.stir() // who is gone need not be waited for
	return lost
}

// placeTasks makes the tasks that are to run here, and returns those that no
// longer are. mu is held.
func (w *Worker) placeTasks(places map[topology.TaskID]uint64) (leaving []*task, err error) {
	for _, c := range w.components {
		stay := []*task{}
		for _, t := range c.tasks {
			if places[t.id] == w.self {
				stay = append(stay, t)
			} else {
				leaving = append(leaving, t)
			}
		}
		for _, id := range c.all {
			if places[id.ID] != w.self || slices.ContainsFunc(stay, func(t *task) bool { return t.id == id.ID }) {
				continue
			}
			t, err := newTask(w, c, id)
			if err != nil {
				return nil, err
			}
			t.spout.mode = w.mode
			stay = append(stay, t)
			w.tasks = append(w.tasks, t)
			if w.running != nil {
				w.wg.Go(func() { t.run(w.running) })
			}
		}
		slices.SortFunc(stay, func(a, b *task) int { return int(a.id - b.id) })
		c.tasks = stay
		c.local.Store(&stay)
	}
	w.tasks = slices.DeleteFunc(slices.Clone(w.tasks), func(t *task) bool { return slices.Contains(leaving, t) })
	return leaving, nil
}

// placePools gives a component one pool for each worker that has some of its
// tasks. Rows of a pool that is no more go to another. mu is held.
func (w *Worker) placePools(c *component, places map[topology.TaskID]uint64) {
	if !c.hasPools() {
		return
	}
	old := *c.pools.Load()
	var pools []*inbox
	add := func(h *home) {
		for _, p := range old {
			if now := p.home.Load(); now.peer == h.peer && (h.peer != nil || now.peer == nil) {
				w.settleIn(p, h)
				pools = append(pools, p)
				return
			}
		}
		p := newInbox(w, c)
		p.home.Store(h)
		pools = append(pools, p)
	}
	if len(c.tasks) > 0 {
		add(&home{tasks: c.tasks})
	}
	seen := map[*peer]bool{}
	for _, t := range c.all {
		if p := w.peerOf(places[t.ID]); p != nil && !seen[p] {
			seen[p] = true
			add(&home{peer: p})
		}
	}
	if len(pools) == 0 { // nobody yet: rows wait
		add(&home{})
	}
	c.pools.Store(&pools)
	for _, t := range c.tasks {
		t.pool.Store(pools[0]) // ours
	}
	for _, p := range old {
		if !slices.Contains(pools, p) {
			w.retire(p, pools[0])
		}
	}
}

// homeOf says who takes rows for a task.
func (w *Worker) homeOf(worker uint64, local *task) *home {
	if local != nil {
		return &home{tasks: []*task{local}}
	}
	return &home{peer: w.peerOf(worker)}
}

// settleIn gives an inbox a home. What waits in it is counted for the new one;
// tracked rows that were counted for a worker that is gone are dropped: their
// trees fail, and are replayed.
func (w *Worker) settleIn(in *inbox, h *home) {
	in.mu.Lock()
	from, to := in.home.Load(), h
	in.home.Store(h)
	var moved []acker.Update
	a, b := from.worker(w.self), to.worker(w.self)
	if a != b {
		if w.isDead(a) {
			w.addLoad(-in.drop())
			in.less() // follow kicks the senders
		} else {
			in.queue.Each(func(x *stream.Batch) { moved = x.Updates(moved) })
		}
	}
	in.mu.Unlock()
	w.move(moved, a, b)
}

// drop removes the tracked rows that wait, and returns how many. mu is held.
func (in *inbox) drop() int {
	in.origins.pop(in.queue.Rows(), in.queue.Bytes(), in)
	dropped := in.queue.Keep(func(b *stream.Batch) bool { return len(b.Roots) == 0 })
	if left := in.queue.Rows(); left > 0 {
		in.origins.push(nil, left)
	}
	return dropped
}

// retire does away with a pool: what waits in it, and whatever may still be put
// into it, goes to another.
func (w *Worker) retire(from, to *inbox) {
	w.settleIn(from, to.home.Load())
	from.mu.Lock()
	defer from.mu.Unlock()
	from.heir = to
	for {
		b := from.queue.Pop(1<<30, 1<<60)
		if b == nil {
			break
		}
		from.origins.pop(b.N, b.Size(), from)
		w.addLoad(-b.N)
		to.put(b, from.home.Load().worker(w.self), nil)
	}
	from.less()
}

// peerOf returns the peer of a worker that is alive, nil if there is none.
func (w *Worker) peerOf(worker uint64) *peer { return (*w.peers.Load())[worker] }

// isDead tells whether a worker was alive once, and is gone.
func (w *Worker) isDead(worker uint64) bool {
	_, dead := w.dead.Load(worker)
	return dead
}

// tasksOf returns the tasks of a component that run here.
func (w *Worker) tasksOf(c *component) []*task { return *c.local.Load() }

// taskOf returns a task that runs here, nil if it does not.
func (w *Worker) taskOf(id topology.TaskID) *task {
	if id < 1 || int(id) > len(w.inboxOf) {
		return nil
	}
	return w.localTask(id)
}

func (w *Worker) localTask(id topology.TaskID) *task {
	for _, t := range w.tasksOf(w.inboxOf[id-1].comp) {
		if t.id == id {
			return t
		}
	}
	return nil
}

// allTasks returns the tasks that run here, by id.
func (w *Worker) allTasks() []*task {
	var all []*task
	for _, c := range w.components {
		all = append(all, w.tasksOf(c)...)
	}
	return all
}

// localLedgers returns the ledgers of the spout tasks that run here.
func (w *Worker) localLedgers() []*ledger {
	var all []*ledger
	for _, t := range w.allTasks() {
		if t.ledger != nil {
			all = append(all, t.ledger)
		}
	}
	return all
}
