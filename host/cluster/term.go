package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

// Term is the time for which a nimbus leads. Its methods may be called
// concurrently.
type Term struct {
	c     *Cluster
	fence coordinator.Op
	ctx   context.Context // see Context
	end   context.CancelCauseFunc
}

// ErrDeposed is the cause with which a term ends when another may lead.
var ErrDeposed = errors.New("this nimbus leads no longer")

// Campaign waits until this nimbus leads. The term ends when ctx does, when
// the node that says so is not its own any more, or when its session may have expired.
func (c *Cluster) Campaign(ctx context.Context, self *Nimbus) (*Term, error) {
	data, err := encode(self)
	if err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	changes := c.store.Watch(watching, leaderPath)
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-changes:
		case <-retry:
		}
		retry = nil
		t, err := c.stand(ctx, self, data)
		switch {
		case err == nil && t != nil:
			return t, nil
		case err == nil || errors.Is(err, coordinator.ErrExists):
		case errors.Is(err, coordinator.ErrUnavailable), errors.Is(err, coordinator.ErrVersion):
			retry = time.After(retryPause)
		case ctx.Err() == nil:
			return nil, fmt.Errorf("stand for leader: %w", err)
		}
	}
}

// stand tries once; no term and no error: somebody else leads.
func (c *Cluster) stand(ctx context.Context, self *Nimbus, data []byte) (*Term, error) {
	if _, err := c.store.Get(ctx, leaderPath); !errors.Is(err, coordinator.ErrNoNode) {
		return nil, err
	}
	before, err := c.store.Get(ctx, termsPath)
	if err != nil {
		return nil, err
	}
	mark, err := encode(&term{self.Incarnation, time.Now().UTC()})
	if err != nil {
		return nil, err
	}
	if err := c.store.Apply(ctx, coordinator.CreateEphemeral(leaderPath, data), coordinator.Set(termsPath, mark, before.Version)); err != nil {
		return nil, err
	}
	t := &Term{c: c, fence: coordinator.Check(termsPath, before.Version+1)}
	t.ctx, t.end = context.WithCancelCause(ctx)
	go t.guard(c.store.Session().ID)
	return t, nil
}

// guard ends the term when it may be over. It ends with the term.
func (t *Term) guard(session int64) {
	changes := t.c.store.Watch(t.ctx, leaderPath)
	for {
		s := t.c.store.Session()
		if s.ID != session || !s.Trusted {
			t.end(ErrDeposed)
		}
		select {
		case <-t.ctx.Done():
			return
		case <-time.After(time.Until(s.TrustedUntil)):
		case <-changes:
			node, err := t.c.store.Get(t.ctx, leaderPath)
			if errors.Is(err, coordinator.ErrNoNode) || err == nil && node.Ephemeral != session {
				t.end(ErrDeposed)
			}
		}
	}
}

// Context ends with the term; its cause says why.
func (t *Term) Context() context.Context { return t.ctx }

// Resign ends the term, and lets another lead at once.
func (t *Term) Resign(ctx context.Context) error {
	defer t.end(ErrDeposed)
	return t.c.store.Apply(ctx, t.fence, coordinator.Delete(leaderPath, coordinator.AnyVersion))
}

// Apply makes the changes of a batch, if this nimbus still leads. An error that
// wraps ErrDeposed says that it does not.
func (t *Term) Apply(ctx context.Context, b *Batch) error {
	if b.err != nil {
		return b.err
	}
	return t.apply(ctx, b.ops...)
}

func (t *Term) apply(ctx context.Context, ops ...coordinator.Op) error {
	if t.ctx.Err() != nil {
		return context.Cause(t.ctx)
	}
	err := t.c.store.Apply(ctx, append([]coordinator.Op{t.fence}, ops...)...)
	var op *coordinator.OpError
	if errors.As(err, &op) && op.Index == 0 {
		t.end(ErrDeposed)
		return fmt.Errorf("%w: %w", ErrDeposed, err)
	}
	return gone(err)
}

// maxDeletes bounds the ops of one step of a removal.
const maxDeletes = 500

// RemoveTopology deletes all that there is of a topology, its record last. It
// may be interrupted, and done again.
func (t *Term) RemoveTopology(ctx context.Context, name topology.Name) error {
	return t.removeTree(ctx, topologyPath(name))
}

// RemoveRun deletes all that there is of a run.
func (t *Term) RemoveRun(ctx context.Context, id RunID) error { return t.removeTree(ctx, runPath(id)) }

// RemoveWorker deletes the node of a worker.
func (t *Term) RemoveWorker(ctx context.Context, id RunID, p Place) error {
	return t.removeTree(ctx, workerPath(id, p))
}

// removeTree deletes a node and all below it, children first. Nodes that come
// or go meanwhile make it look again.
func (t *Term) removeTree(ctx context.Context, root string) error {
	for {
		var ops []coordinator.Op
		if err := t.collect(ctx, root, &ops); err != nil {
			return err
		}
		if len(ops) == 0 {
			return nil
		}
		// What lies deeper stands before what lies above it.
		if err := t.apply(ctx, ops...); err != nil && !errors.Is(err, coordinator.ErrNoNode) && !errors.Is(err, coordinator.ErrNotEmpty) {
			return fmt.Errorf("remove %s: %w", root, err)
		}
	}
}

// collect adds deletions of a node and what is below it, up to maxDeletes.
func (t *Term) collect(ctx context.Context, node string, ops *[]coordinator.Op) error {
	names, err := t.c.store.Children(ctx, node)
	if errors.Is(err, coordinator.ErrNoNode) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.collect(ctx, node+"/"+name, ops); err != nil {
			return err
		}
	}
	if len(*ops) < maxDeletes {
		*ops = append(*ops, coordinator.Delete(node, coordinator.AnyVersion))
	}
	return nil
}
