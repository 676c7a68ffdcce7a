package nimbus

import (
	"context"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

var _ api.Inspector = (*Nimbus)(nil)

// Definition implements [api.Inspector].
func (n *Nimbus) Definition(ctx context.Context, name topology.Name) (*api.Definition, error) {
	var def *topology.Topology
	var version, run int
	err := n.look(ctx, func(l *leader) error {
		v, err := l.find(name)
		if err != nil {
			return err
		}
		r := shown(v)
		if r == nil {
			return api.Errorf(api.CodeNotFound, "nothing of %s runs, so there is nothing to show: deploy it again", name)
		}
		def, version, run = r.def, r.run.Version, r.run.ID.Number // immutable
		return nil
	})
	if err != nil {
		return nil, err
	}
	d, err := api.Define(def)
	if err != nil {
		return nil, err
	}
	d.Version, d.Run = version, run
	return d, nil
}
