package nimbus

import (
	"context"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// versionKey names a version.
type versionKey struct {
	name topology.Name
	n    int
}

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
