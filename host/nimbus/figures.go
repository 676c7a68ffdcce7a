package nimbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

// Bounds of a question to a worker.
const (
	figuresTimeout = 3 * time.Second
	figuresAtOnce  = 16
	maxFigures     = 8 << 20 // bytes of an answer
)

// Figures implements [api.Service].
func (n *Nimbus) Figures(ctx context.Context, name topology.Name) (*api.Figures, error) {
	workers, _, err := n.workersOf(ctx, name)
	if err != nil {
		return nil, err
	}
	f := &api.Figures{Workers: []api.WorkerFigures{}}
	answers, errs := askAll[api.WorkerFigures](ctx, &n.workers, workers, "/v1/figures", maxFigures)
	for place, figures := range answers {
		figures.Place = place.String()
		f.Workers = append(f.Workers, *figures)
	}
	for place, err := range errs {
		f.Silent = append(f.Silent, fmt.Sprintf("%s: %v", place, err))
	}
	slices.SortFunc(f.Workers, func(a, b api.WorkerFigures) int { return strings.Compare(a.Place, b.Place) })
	slices.Sort(f.Silent)
	return f, nil
}

// errAbsent says that there is no worker in a place that should have one.
var errAbsent = errors.New("it is not there")

// workersOf returns the places of a topology's workers, with nil for one that is
// not there, and the number of the run.
func (n *Nimbus) workersOf(ctx context.Context, name topology.Name) (workers map[cluster.Place]*cluster.Alive, run int, err error) {
	workers = map[cluster.Place]*cluster.Alive{}
	err = n.look(ctx, func(l *leader) error {
		v, err := l.find(name)
		if err != nil {
			return err
		}
		r := shown(v)
		if r == nil {
			return nil
		}
		run = r.run.ID.Number
		for _, at := range r.assignment.Workers {
			workers[at.Place] = nil
			if w := r.workers[at.Place]; w.alive() {
				alive := w.state.Alive[len(w.state.Alive)-1]
				workers[at.Place] = &alive
			}
		}
		return nil
	})
	return workers, run, err
}

// askAll asks workers for one of the things that they tell, a few at a time; an
// answer has limit bytes at most.
func askAll[T any](ctx context.Context, clients *workerClients, workers map[cluster.Place]*cluster.Alive, path string, limit int64) (answers map[cluster.Place]*T, errs map[cluster.Place]error) {
	answers, errs = map[cluster.Place]*T{}, map[cluster.Place]error{}
	var mu sync.Mutex
	var wg crash.Group
	room := make(chan struct{}, figuresAtOnce)
	for place, alive := range workers {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			var answer *T
			err := errAbsent
			if alive != nil {
				answer, err = askOne[T](ctx, clients, *alive, path, limit)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs[place] = err
			} else {
				answers[place] = answer
			}
		})
	}
	wg.Wait()
	return answers, errs
}

// askOne asks a worker for one of the things that it tells.
func askOne[T any](ctx context.Context, clients *workerClients, a cluster.Alive, path string, limit int64) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, figuresTimeout)
	defer cancel()
	answer, err := clients.ask(ctx, a, path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var v T
	if err := json.NewDecoder(io.LimitReader(answer.Body, limit)).Decode(&v); err != nil {
		return nil, err
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxUnread) // a connection whose answer is read to the end is used again
	return &v, nil
}

// Cluster implements [api.Service].
func (n *Nimbus) Cluster(ctx context.Context) (*api.Cluster, error) {
	nimbuses, err := n.c.Nimbuses(ctx)
	if err != nil {
		return nil, n.explain(err)
	}
	logs, err := n.c.LogServers(ctx)
	if err != nil {
		return nil, n.explain(err)
	}
	c := &api.Cluster{Leader: n.o.Self.URL, Now: time.Now(), Nimbuses: []api.Nimbus{}, Supervisors: []api.Supervisor{}, LogServers: []api.LogView{}, ZooKeeper: n.o.ZooKeeper}
	for _, s := range logs {
		c.LogServers = append(c.LogServers, api.LogView{Supervisor: string(s.Supervisor), Host: s.Host, Address: s.Address, Version: s.Version, PID: s.PID, Started: s.Started})
	}
	session := n.c.Session()
	c.Session = api.Session{Server: session.Server, Since: session.Since}
	if session.Err != nil {
		c.Session.Why = session.Err.Error()
	}
	for _, x := range nimbuses {
		c.Nimbuses = append(c.Nimbuses, api.Nimbus{URL: x.URL, Host: x.Host, Version: x.Version, PID: x.PID, Leads: x.Incarnation == n.o.Self.Incarnation, Started: x.Started})
	}
	l, err := n.leading()
	if err != nil {
		return nil, err
	}
	err = l.submit(ctx, func(ctx context.Context) error {
		used := map[cluster.SupervisorID]map[int]bool{}
		for place := range l.world.occupied() {
			if used[place.Supervisor] == nil {
				used[place.Supervisor] = map[int]bool{}
			}
			used[place.Supervisor][place.Slot] = true
		}
		for _, id := range slices.Sorted(maps.Keys(l.world.supervisors)) {
			s := l.world.supervisors[id]
			c.Supervisors = append(c.Supervisors, api.Supervisor{ID: string(id), Host: s.Host, Address: s.Address, Version: s.Version, PID: s.PID, Slots: len(s.Slots), Used: len(used[id]), Started: s.Started})
		}
		bundles, err := l.bundles(ctx)
		for _, size := range bundles {
			c.Bundles++
			c.BundleBytes += size
		}
		return err
	})
	return c, n.explain(err)
}
