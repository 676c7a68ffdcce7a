package nimbus

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// loadPast reads what is kept of a topology's runs that are over, once in a term:
// nobody but the leader writes it.
func (l *leader) loadPast(ctx context.Context, name topology.Name) error {
	if _, known := l.past[name]; known {
		return nil
	}
	list, bad, err := l.c.PastFailures(ctx, name)
	if bad != nil {
		l.o.Log.Warn("errors of a run that is over are ignored", "topology", name, "err", bad)
	}
	if err == nil {
		l.past[name] = list
	}
	return err
}

// keepFailures saves the errors of a run whose workers have all ended, before
// the run is removed. What is left of one whose removal was interrupted has been saved.
func (l *leader) keepFailures(ctx context.Context, v *view, id cluster.RunID) error {
	r, name := v.run(id.Number), id.Topology
	if r == nil || slices.ContainsFunc(l.past[name], func(p cluster.PastFailures) bool { return p.Run == id.Number }) {
		return nil
	}
	told, _, err := l.readFailures(ctx, id, slices.Collect(maps.Keys(r.nodes)))
	if err != nil {
		return err
	}
	var order []topology.ComponentID
	for _, c := range r.def.Components {
		order = append(order, c.ID)
	}
	p := cluster.PastFailures{Run: id.Number, Version: r.run.Version, GivenUp: became(&v.top, id.Number) == api.GivenUp, Components: addUp(order, told)}
	at := slices.IndexFunc(l.past[name], func(o cluster.PastFailures) bool { return o.GivenUp == p.GivenUp })
	if at < 0 && len(p.Components) == 0 {
		return nil
	}
	for i := range p.Components {
		for j := range p.Components[i].List {
			p.Components[i].List[j].Cut()
		}
	}
	p.Fit()
	err = l.term.KeepFailures(ctx, name, &p)
	if errors.Is(err, cluster.ErrTooLarge) {
		l.o.Log.Warn("the errors of a run that is over are lost", "topology", name, "run", id.Number, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	list := slices.Clone(l.past[name])
	if at >= 0 {
		list = slices.Delete(list, at, at+1)
	}
	list = append(list, p)
	slices.SortFunc(list, func(a, b cluster.PastFailures) int { // what was given up is told first
		if a.GivenUp {
			return -1
		}
		return 1
	})
	l.past[name] = list
	return nil
}
