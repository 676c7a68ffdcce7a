package nimbus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
)

// Nimbus is one nimbus: a standby, and from time to time the leader. Its
// methods may be called concurrently.
type Nimbus struct {
	c *cluster.Cluster
	o Options

	follows follows // of logs, that are read
	workers workerClients

	mu     sync.Mutex
	leader *leader // guarded by mu: nil while another leads
}

// New returns a nimbus. It starts nothing.
func New(c *cluster.Cluster, o Options) (*Nimbus, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("nimbus: %w", err)
	}
	return &Nimbus{c: c, o: o}, nil
}

// Run stands for leader and leads, again and again, until ctx ends; then it
// returns nil. An error is a broken invariant: the process is to end, and to start anew.
func (n *Nimbus) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer n.workers.close()
	if err := n.c.Prepare(ctx); err != nil {
		return err
	}
	var wg crash.Group
	defer wg.Wait()
	defer cancel(nil)
	wg.Go(func() {
		if err := n.c.KeepNimbus(ctx, &n.o.Self); err != nil {
			cancel(err)
		}
	})
	err := n.c.Elect(ctx, &n.o.Self, n.lead)
	if cause := context.Cause(ctx); err == nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return err
}

// lead leads for one term, which ends with ctx.
func (n *Nimbus) lead(ctx context.Context, term *cluster.Term) error {
	defer crash.Guard() // the coordinator's election starts this
	l := newLeader(n.c, n.o, term)
	n.mu.Lock()
	n.leader = l
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		n.leader = nil
		n.mu.Unlock()
	}()
	return l.run(ctx)
}

// current returns the leader that this nimbus is, nil if it is none.
func (n *Nimbus) current() *leader {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leader
}

// Leader returns the URL of the nimbus that leads, empty if it is this one.
// ErrGone: none does.
func (n *Nimbus) Leader(ctx context.Context) (string, error) {
	if n.current() != nil {
		return "", nil
	}
	who, err := n.c.Leader(ctx)
	if err == nil && who.Incarnation == n.o.Self.Incarnation {
		return "", fmt.Errorf("%w: this nimbus is about to lead", cluster.ErrGone)
	}
	return who.URL, err
}
