package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// KeepNimbus says that a nimbus lives, until ctx ends.
func (c *Cluster) KeepNimbus(ctx context.Context, n *Nimbus) error {
	return c.keep(ctx, nimbusPath(n.Incarnation), n, nil)
}

// KeepSupervisor says that a supervisor lives, until ctx ends. The caller
// holds the lock of the supervisor's folder: a node that is there is that of
// its predecessor, and goes. A send on ready, which must have room for one,
// tells that it is done.
func (c *Cluster) KeepSupervisor(ctx context.Context, s *Supervisor, ready chan<- struct{}) error {
	if err := c.store.Apply(ctx, coordinator.Create(slotsOfPath(s.ID), nil)); err != nil && !errors.Is(err, coordinator.ErrExists) {
		return err
	}
	return c.keep(ctx, supervisorPath(s.ID), s, ready)
}

// KeepAlive says that a worker process lives, until ctx ends. It returns
// ErrGone when the place is not the run's any more.
func (c *Cluster) KeepAlive(ctx context.Context, id RunID, p Place, a *Alive, ready chan<- struct{}) error {
	return c.keep(ctx, alivePath(id, p, a.Incarnation), a, ready)
}

// keep sees to it that an ephemeral of this session exists, whatever happens to
// sessions. It returns nil when ctx has ended; the node then goes with the session.
func (c *Cluster) keep(ctx context.Context, path string, r record, ready chan<- struct{}) error {
	data, err := encode(r)
	if err != nil {
		return err
	}
	changes := c.store.Watch(ctx, path)
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		case <-retry:
		}
		retry = nil
		err := c.ensure(ctx, path, data)
		switch {
		case err == nil:
			if ready != nil {
				ready <- struct{}{}
				ready = nil
			}
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, coordinator.ErrNoNode):
			return gone(err)
		case errors.Is(err, coordinator.ErrUnavailable), errors.Is(err, coordinator.ErrExists), errors.Is(err, coordinator.ErrVersion):
			retry = time.After(retryPause)
		default:
			return err
		}
	}
}

// ensure makes the node, in place of one that an earlier session left.
func (c *Cluster) ensure(ctx context.Context, path string, data []byte) error {
	node, err := c.store.Get(ctx, path)
	session := c.store.Session().ID
	switch {
	case errors.Is(err, coordinator.ErrNoNode):
		return c.store.Apply(ctx, coordinator.CreateEphemeral(path, data))
	case err != nil:
		return err
	case node.Ephemeral == session:
		return nil
	}
	return c.store.Apply(ctx, coordinator.Delete(path, node.Version), coordinator.CreateEphemeral(path, data))
}
