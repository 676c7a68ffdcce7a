package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/polybolt/polybolt/coordinator"
)

// KeepNimbus says that a nimbus lives, until ctx ends.
func (c *Cluster) KeepNimbus(ctx context.Context, n *Nimbus) error {
	return c.keep(ctx, nimbusPath(n.Incarnation), n)
}

// KeepSupervisor says that a supervisor lives, until ctx ends. The caller
// holds the lock of the supervisor's folder: a node that is there is that of
// its predecessor, and goes.
func (c *Cluster) KeepSupervisor(ctx context.Context, s *Supervisor) error {
	if err := c.retry(ctx, func() error { return coordinator.Ensure(ctx, c.store, slotsOfPath(s.ID)) }); err != nil {
		return err
	}
	return c.keep(ctx, supervisorPath(s.ID), s)
}

// KeepAlive says that a worker process lives, until ctx ends. It returns
// ErrGone when the place is not the run's any more.
func (c *Cluster) KeepAlive(ctx context.Context, id RunID, p Place, a *Alive) error {
	return c.keep(ctx, alivePath(id, p, a.Incarnation), a)
}

// keep sees to it that an ephemeral of this session exists, whatever happens to
// sessions. It returns nil when ctx has ended.
func (c *Cluster) keep(ctx context.Context, path string, r record) error {
	data, err := encode(r)
	if err != nil {
		return err
	}
	// No two processes have the same path: what another session made is ours of before.
	mine := func(coordinator.Node) bool { return true }
	err = coordinator.NewRegistration(c.store, path, data, coordinator.RegistrationOptions{Replaces: mine, Logger: c.log}).Run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return gone(err)
}

// Elect stands for leader until ctx ends, and calls lead whenever this nimbus
// leads, with a context that ends as soon as another may lead. What lead
// returns while it leads is returned.
func (c *Cluster) Elect(ctx context.Context, self *Nimbus, lead func(context.Context, *Term) error) error {
	data, err := encode(self)
	if err != nil {
		return err
	}
	e := coordinator.Election{Store: c.store, Path: leaderPath, Data: data, Logger: c.log}
	return e.Run(ctx, func(ctx context.Context, t coordinator.Term) error { return lead(ctx, &Term{c: c, fence: t.Fence()}) })
}

// Leader returns the nimbus that leads; ErrGone if none does.
func (c *Cluster) Leader(ctx context.Context) (n Nimbus, err error) {
	_, err = c.get(ctx, leaderPath+"/leader", &n)
	return n, err
}

// retry does something again and again until the coordinator answers.
func (c *Cluster) retry(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, coordinator.ErrUnavailable) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		c.log.Warn("coordinator does not answer", "err", err)
	}
}
