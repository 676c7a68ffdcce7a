package nimbus

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

// Errors implements [api.Service]. They are those of the run that serves, or
// else of the one that is brought up; workers that are gone have left theirs.
func (n *Nimbus) Errors(ctx context.Context, name topology.Name) ([]api.ComponentErrors, error) {
	l, err := n.leading()
	if err != nil {
		return nil, err
	}
	var id cluster.RunID
	var places []cluster.Place
	var order []topology.ComponentID
	err = n.look(ctx, func(l *leader) error {
		v, err := l.find(name)
		if err != nil {
			return err
		}
		if r := shown(v); r != nil {
			id, places = r.run.ID, slices.SortedFunc(maps.Keys(r.nodes), cluster.Place.Compare)
			for _, c := range r.def.Components {
				order = append(order, c.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	written, err := l.readFailures(ctx, id, places)
	if err != nil {
		return nil, n.explain(err)
	}
	list := []api.ComponentErrors{}
	for _, c := range order {
		if e := AddUp(c, written); e.Count > 0 {
			list = append(list, e)
		}
	}
	return list, nil
}

// readFailures reads what the workers in some places tell, a few at a time.
func (l *leader) readFailures(ctx context.Context, id cluster.RunID, places []cluster.Place) (list []cluster.Failures, err error) {
	var mu sync.Mutex
	var wg crash.Group
	room := make(chan struct{}, readingAtOnce)
	for _, place := range places {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			f, bad, ferr := l.c.Failures(ctx, id, place)
			if bad != nil {
				l.o.Log.Warn("a worker's errors are ignored", "err", bad)
			}
			mu.Lock()
			defer mu.Unlock()
			list = append(list, f...)
			if ferr != nil && !errors.Is(ferr, cluster.ErrGone) {
				err = ferr
			}
		})
	}
	wg.Wait()
	return list, err
}

// AddUp puts together what all workers tell of a component: the first failure,
// then the last ones.
func AddUp(id topology.ComponentID, written []cluster.Failures) api.ComponentErrors {
	e := api.ComponentErrors{Component: id, Errors: []api.Failure{}}
	for _, f := range written {
		if f.Component != id {
			continue
		}
		e.Count += f.Count
		for _, x := range f.List {
			e.Errors = append(e.Errors, api.Failure{
				Time: x.Time, Component: id, Task: x.Task, Host: x.Host, Kind: x.Kind, Type: x.Type, Message: x.Message, Place: x.Place, Traceback: x.Traceback, Count: x.Count,
				From: x.From, Tuple: x.Tuple, Attempt: x.Attempt, Worker: x.Worker, Version: x.Version,
			})
		}
	}
	slices.SortStableFunc(e.Errors, func(a, b api.Failure) int { return a.Time.Compare(b.Time) })
	if len(e.Errors) > cluster.MaxFailures {
		e.Errors = slices.Delete(e.Errors, 1, len(e.Errors)-cluster.MaxFailures+1)
	}
	return e
}
