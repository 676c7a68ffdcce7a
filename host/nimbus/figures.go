package nimbus

import (
	"context"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// version reads a version of a topology.
func (l *leader) version(ctx context.Context, name topology.Name, n int) (*cluster.Version, error) {
	key := versionKey{name, n}
	if v := l.versions[key]; v != nil {
		return v, nil
	}
	v, err := l.c.Version(ctx, name, n)
	if err != nil {
		return nil, err
	}
	l.versions[key] = &v
	return &v, nil
}

type versionKey struct {
	name topology.Name
	n    int
}

// Cluster implements [api.Service].
func (n *Nimbus) Cluster(ctx context.Context) (*api.Cluster, error) {
	return nil, api.Errorf(api.CodeInternal, "not yet")
}

// Figures implements [api.Service].
func (n *Nimbus) Figures(ctx context.Context, name topology.Name) (*api.Figures, error) {
	return nil, api.Errorf(api.CodeInternal, "not yet")
}

// Errors implements [api.Service].
func (n *Nimbus) Errors(ctx context.Context, name topology.Name) ([]api.ComponentErrors, error) {
	return nil, api.Errorf(api.CodeInternal, "not yet")
}
