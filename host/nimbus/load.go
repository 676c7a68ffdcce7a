package nimbus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

// load reads everything, unless it is there already.
func (l *leader) load(ctx context.Context) error {
	if l.loaded {
		return nil
	}
	now := time.Now().UTC()
	w := &world{rules: l.o.Rules, now: now, believe: now, topologies: map[topology.Name]*view{}, supervisors: map[cluster.SupervisorID]cluster.Supervisor{},
		placed: map[cluster.Place]cluster.Placement{}, since: map[cluster.SupervisorID]time.Time{}, shunned: map[cluster.Place]time.Time{}}
	old := l.world
	l.world = w
	names, err := l.c.Topologies(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := l.reload(ctx, name); err != nil {
			return err
		}
	}
	if err := l.loadPlacements(ctx); err != nil {
		return err
	}
	if err := l.loadSupervisors(ctx); err != nil {
		return err
	}
	if old != nil { // what is known of workers stays so
		w.since, w.shunned = old.since, old.shunned
		for name, v := range w.topologies {
			for _, r := range v.all() {
				r.inherit(old.topologies[name].known(r.run.ID.Number), now)
			}
		}
	}
	if err := l.loadWorkers(ctx); err != nil {
		return err
	}
	l.loaded = true
	return nil
}

// readingAtOnce is how many workers' nodes are read at the same time.
const readingAtOnce = 32

// loadWorkers reads what all workers tell, so that a new leader does not take
// those for gone that it has not looked at. From then on their watches tell.
func (l *leader) loadWorkers(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg crash.Group
	var mu sync.Mutex
	var states []workerEvent
	room := make(chan struct{}, readingAtOnce)
	for key := range l.wanted() {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			state, err := l.c.WorkerState(ctx, key.run, key.place)
			if err != nil {
				if !errors.Is(err, cluster.ErrGone) {
					cancel(err)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			states = append(states, workerEvent{key, state})
		})
	}
	wg.Wait()
	for _, e := range states {
		l.apply(e)
	}
	return context.Cause(ctx)
}

// wanted lists the workers that have nodes.
func (l *leader) wanted() map[workerKey]bool {
	keys := map[workerKey]bool{}
	for _, v := range l.world.topologies {
		for _, r := range v.all() {
			for place := range r.nodes {
				keys[workerKey{r.run.ID, place}] = true
			}
		}
	}
	return keys
}

// loadPlacements reads what all supervisors are told to run. From then on
// write keeps account: nobody but the leader writes it.
func (l *leader) loadPlacements(ctx context.Context) error {
	ids, err := l.c.Placed(ctx)
	if err != nil {
		return err
	}
	clear(l.world.placed)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg crash.Group
	var mu sync.Mutex
	room := make(chan struct{}, readingAtOnce)
	for _, id := range ids {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			list, err := l.c.Placements(ctx, id)
			if err != nil {
				cancel(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(l.world.placed, list)
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// write applies a batch, and keeps account of the placements in it. After an
// error nobody knows what is there, so that everything is read anew.
func (l *leader) write(ctx context.Context, b *cluster.Batch) error {
	if err := l.term.Apply(ctx, b); err != nil {
		l.loaded = false
		return err
	}
	for place, p := range b.Placements() {
		if p == nil {
			delete(l.world.placed, place)
		} else {
			l.world.placed[place] = *p
		}
	}
	return nil
}

func (l *leader) loadSupervisors(ctx context.Context) error {
	if l.world == nil {
		return nil
	}
	list, bad, err := l.c.Supervisors(ctx)
	if err != nil {
		return err
	}
	if bad != nil {
		l.o.Log.Warn("a supervisor's record is ignored", "err", bad)
	}
	now := time.Now().UTC()
	for id, s := range l.world.supervisors {
		if _, lives := list[id]; !lives {
			l.world.since[id] = now
			l.o.Log.Warn("supervisor is gone", "node", s.Host, "supervisor", id)
		}
	}
	for id, s := range list {
		delete(l.world.since, id)
		if _, known := l.world.supervisors[id]; !known {
			l.o.Log.Info("supervisor is there", "node", s.Host, "supervisor", id, "slots", len(s.Slots))
		}
	}
	l.world.supervisors = list
	return nil
}

// reload reads a topology.
func (l *leader) reload(ctx context.Context, name topology.Name) error {
	top, err := l.c.Topology(ctx, name)
	if errors.Is(err, cluster.ErrGone) {
		delete(l.world.topologies, name)
		delete(l.past, name)
		maps.DeleteFunc(l.versions, func(k versionKey, _ *cluster.Version) bool { return k.name == name })
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.loadPast(ctx, name); err != nil {
		return err
	}
	old := l.world.topologies[name]
	v := &view{top: top.Record, version: top.Version, runs: map[int]*runView{}}
	if v.versions, err = l.c.Versions(ctx, name); err != nil {
		return err
	}
	ids, err := l.c.Runs(ctx, name)
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := l.loadRun(ctx, id)
		switch {
		case errors.Is(err, cluster.ErrGone) && v.referenced(id.Number):
			return fmt.Errorf("run %s is in use, and a part of it is missing: %w", id, err)
		case errors.Is(err, cluster.ErrGone):
			v.husks = append(v.husks, r)
		case err != nil:
			return err
		default:
			v.runs[id.Number] = r
		}
		r.inherit(old.known(id.Number), time.Now().UTC())
	}
	l.world.topologies[name] = v
	return nil
}

// loadRun reads a run. If a part of it is gone it returns what there is, with
// an error that wraps ErrGone.
func (l *leader) loadRun(ctx context.Context, id cluster.RunID) (*runView, error) {
	r := &runView{run: cluster.Run{ID: id}, nodes: map[cluster.Place]bool{}, workers: map[cluster.Place]*workerView{}}
	places, err := l.c.Workers(ctx, id)
	if err != nil {
		return r, err
	}
	for _, p := range places {
		r.nodes[p] = true
	}
	run, err := l.c.Run(ctx, id)
	if err != nil {
		return r, err
	}
	r.run, r.version = run.Record, run.Version
	a, err := l.c.Assignment(ctx, id)
	if err != nil {
		return r, err
	}
	r.assignment, r.assignmentVersion = a.Record, a.Version
	version, err := l.version(ctx, id.Topology, run.Record.Version)
	if err != nil {
		return r, err
	}
	r.def, err = define(version, run.Record.Set)
	return r, err
}

// inherit takes over what was known of a run's workers. The absence of one that
// has just been told to start counts from now.
func (r *runView) inherit(before *runView, now time.Time) {
	if before != nil {
		r.workers = before.workers
	}
	for place := range r.nodes {
		if r.workers[place] == nil {
			r.workers[place] = &workerView{since: now}
		}
	}
	for _, at := range r.assignment.Workers {
		w := r.workers[at.Place]
		fresh := before == nil
		if !fresh {
			_, was := before.assignment.Worker(at.Place)
			fresh = !was
		}
		if fresh && w != nil && !w.alive() {
			w.since = now
		}
	}
}

// define reads the topology of a version, changed by options.
func define(v *cluster.Version, set []string) (*topology.Topology, error) {
	options, err := options(set)
	if err != nil {
		return nil, err
	}
	return topology.Load(v.File, []byte(v.Text), options...)
}

// follow watches each worker's node, and forgets those that are gone.
func (l *leader) follow(ctx context.Context) {
	wanted := l.wanted()
	for key := range wanted {
		if l.watched[key] == nil {
			watching, stop := context.WithCancel(ctx)
			l.watched[key] = stop
			l.wg.Go(func() { l.watch(watching, key) })
		}
	}
	for key, stop := range l.watched {
		if !wanted[key] {
			stop()
			delete(l.watched, key)
		}
	}
}

// watch sends the loop what a worker's node shows, whenever that changes.
func (l *leader) watch(ctx context.Context, key workerKey) {
	changes := l.c.WatchWorker(ctx, key.run, key.place)
	var retry <-chan time.Time
	var known []cluster.Alive
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
		case <-retry:
		}
		retry = nil
		state, err := l.c.WorkerState(ctx, key.run, key.place, known...)
		switch {
		case err == nil:
			known = state.Alive
		case errors.Is(err, cluster.ErrGone):
			continue // the loop forgets it
		default:
			retry = time.After(reloadPause)
			continue
		}
		select {
		case l.events <- workerEvent{key, state}:
		case <-ctx.Done():
			return
		}
	}
}
