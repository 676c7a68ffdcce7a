package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

// Term is the time for which a nimbus leads: its changes are made only if no
// other has begun to lead. Its methods may be called concurrently.
type Term struct {
	c     *Cluster
	fence coordinator.Op
}

// ErrDeposed is wrapped by the error of a change that was not made because
// another nimbus leads.
var ErrDeposed = coordinator.ErrLeadershipLost

// Apply makes the changes of a batch.
func (t *Term) Apply(ctx context.Context, b *Batch) error {
	if b.err != nil {
		return b.err
	}
	return t.apply(ctx, b.ops...)
}

func (t *Term) apply(ctx context.Context, ops ...coordinator.Op) error {
	err := t.c.store.Apply(ctx, t.c.protect(append([]coordinator.Op{t.fence}, ops...))...)
	var op *coordinator.OpError
	if errors.As(err, &op) && op.Index == 0 {
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
