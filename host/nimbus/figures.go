package nimbus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
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
	asked := map[cluster.Place]cluster.Alive{}
	f := &api.Figures{Workers: []api.WorkerFigures{}}
	err := n.look(ctx, func(l *leader) error {
		v, err := l.find(name)
		if err != nil {
			return err
		}
		r := shown(v)
		if r == nil {
			return nil
		}
		for _, at := range r.assignment.Workers {
			if w := r.workers[at.Place]; w.alive() {
				asked[at.Place] = w.state.Alive[len(w.state.Alive)-1]
			} else {
				f.Silent = append(f.Silent, fmt.Sprintf("%s: it is not there", at.Place))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	n.ask(ctx, asked, f)
	return f, nil
}

// ask asks workers for their figures, a few at a time.
func (n *Nimbus) ask(ctx context.Context, asked map[cluster.Place]cluster.Alive, f *api.Figures) {
	var mu sync.Mutex
	var wg crash.Group
	room := make(chan struct{}, figuresAtOnce)
	for _, place := range slices.SortedFunc(maps.Keys(asked), cluster.Place.Compare) {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			figures, err := askOne(ctx, asked[place])
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				f.Silent = append(f.Silent, fmt.Sprintf("%s: %v", place, err))
				return
			}
			figures.Place = place.String()
			f.Workers = append(f.Workers, *figures)
		})
	}
	wg.Wait()
	slices.SortFunc(f.Workers, func(a, b api.WorkerFigures) int { return strings.Compare(a.Place, b.Place) })
	slices.Sort(f.Silent)
}

func askOne(ctx context.Context, a cluster.Alive) (*api.WorkerFigures, error) {
	ctx, cancel := context.WithTimeout(ctx, figuresTimeout)
	defer cancel()
	answer, err := askWorker(ctx, a, http.MethodGet, "/v1/figures")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var f api.WorkerFigures
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxFigures)).Decode(&f); err != nil {
		return nil, err
	}
	return &f, nil
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
		c.LogServers = append(c.LogServers, api.LogView{Supervisor: string(s.Supervisor), Host: s.Host, Address: s.Address, Version: s.Version})
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
