package nimbus

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

var _ api.Service = (*Nimbus)(nil)

// leading returns the leader that this nimbus is.
func (n *Nimbus) leading() (*leader, error) {
	if l := n.current(); l != nil {
		return l, nil
	}
	return nil, api.Errorf(api.CodeNoLeader, "this nimbus does not lead (any more): try again")
}

// explain turns the errors below into those of the API.
func (n *Nimbus) explain(err error) error {
	var e *api.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, cluster.ErrTooLarge):
		return api.Errorf(api.CodeTooLarge, "%v", err)
	case errors.Is(err, cluster.ErrDeposed):
		return api.Errorf(api.CodeUnavailable, "this nimbus stopped leading meanwhile, and the next one goes on with what was saved: look with `polybolt status`")
	case errors.Is(err, cluster.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return api.Errorf(api.CodeUnavailable, "ZooKeeper does not answer: %v", err)
	}
	return err
}

// look runs a function on the loop that only reads.
func (n *Nimbus) look(ctx context.Context, f func(*leader) error) error {
	l, err := n.leading()
	if err != nil {
		return err
	}
	return n.explain(l.submit(ctx, func(context.Context) error { return f(l) }))
}

// find returns a topology, or the API's error.
func (l *leader) find(name topology.Name) (*view, error) {
	if v := l.world.topologies[name]; v != nil {
		return v, nil
	}
	var names []string
	for _, n := range slices.Sorted(maps.Keys(l.world.topologies)) {
		names = append(names, string(n))
	}
	return nil, api.Errorf(api.CodeNotFound, "there is no topology %.64q%s", string(name), topology.Suggest(string(name), names))
}

// List implements [api.Service].
func (n *Nimbus) List(ctx context.Context) ([]api.Topology, error) {
	list := []api.Topology{}
	err := n.look(ctx, func(l *leader) error {
		for _, name := range slices.Sorted(maps.Keys(l.world.topologies)) {
			list = append(list, summary(l.world, l.world.topologies[name]))
		}
		return nil
	})
	return list, err
}

// Status implements [api.Service].
func (n *Nimbus) Status(ctx context.Context, name topology.Name) (*api.Status, error) {
	l, err := n.leading()
	if err != nil {
		return nil, err
	}
	var s *api.Status
	err = l.submit(ctx, func(ctx context.Context) error {
		v, err := l.find(name)
		if err != nil {
			return err
		}
		s = status(l.world, v)
		for _, number := range v.versions {
			version, err := l.version(ctx, name, number)
			if err != nil {
				return err
			}
			s.Versions = append(s.Versions, api.Version{Number: number, Bundle: string(version.Bundle.Hash), Size: version.Bundle.Size, Deployed: version.Deployed})
		}
		return nil
	})
	if err == nil {
		var wg crash.Group
		wg.Go(func() { n.addErrors(ctx, s) })
		n.addStall(ctx, s)
		wg.Wait()
	}
	return s, n.explain(err)
}
