package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"

	"github.com/polybolt/polybolt/coordinator"
)

// NewProtected is New for a cluster with a key: what it writes can be read and
// written only by those whom it concerns. The store must have been opened with
// the key's credentials and ACL. stranger opens one without any, with which
// [Cluster.Prepare] makes sure that the door is locked; nil: it does not.
// With a nil key it is New.
func NewProtected(store coordinator.Store, key *Key, stranger func() (coordinator.Store, error), log *slog.Logger) *Cluster {
	return &Cluster{store: store, key: key, stranger: stranger, log: log}
}

// checkClosed returns an error if everybody may write to a node below which
// the cluster keeps its own. It was made before the cluster had a key, or by
// somebody who waited for it: nodes keep the ACL with which they were made.
func (c *Cluster) checkClosed(ctx context.Context) error {
	if c.key == nil || c.stranger == nil {
		return nil
	}
	store, err := c.stranger()
	if err != nil {
		return fmt.Errorf("look whether the coordinator is closed to strangers: %w", err)
	}
	defer store.Close() // the session ends by itself, too
	for _, parent := range append([]string{"/"}, basePaths...) {
		node := path.Join(parent, "stranger-"+randomHex(4))
		err := c.retry(ctx, func() error { return store.Apply(ctx, coordinator.CreateEphemeral(node, nil)) })
		switch {
		case errors.Is(err, coordinator.ErrDenied):
		case err == nil:
			return fmt.Errorf("everybody may write to %s in ZooKeeper, below the cluster's root: it was made without the cluster's key. Choose another --root, or stop all daemons and remove what is there", parent)
		default:
			return fmt.Errorf("look whether the coordinator is closed to strangers: %w", err)
		}
	}
	return nil
}

// protect gives nodes that are to be made the ACL that their path calls for.
func (c *Cluster) protect(ops []coordinator.Op) []coordinator.Op {
	if c.key == nil {
		return ops
	}
	for i, op := range ops {
		if (op.Kind == coordinator.OpCreate || op.Kind == coordinator.OpCreateEphemeral) && len(op.ACL) == 0 {
			ops[i].ACL = c.key.permissions(op.Path)
		}
	}
	return ops
}

// What a worker may do with the nodes of its run. CREATE belongs to the parent
// in ZooKeeper, so each worker has a parent node of its own, which nimbus makes
// with the assignment: its data and its children are the worker's.
const (
	readers = coordinator.Read
	writers = coordinator.Read | coordinator.Write | coordinator.CreateChild | coordinator.DeleteChild
)

// permissions returns the ACL of a node that nimbus makes. Workers read their
// run and its assignment, and write to their own place: all else is the
// daemons', so whatever is not recognised here is closed to workers.
func (k *Key) permissions(node string) []coordinator.Permission {
	acl := k.ACL()
	id, rest, ok := runOf(node)
	if !ok {
		return acl
	}
	place, isWorker := strings.CutPrefix(rest, "workers/")
	switch {
	case rest == "" || rest == "assignment":
		acl = append(acl, coordinator.Permission{Rights: readers, Identity: k.reader(id.Topology).identity()})
	case isWorker:
		var p Place
		if p.UnmarshalText([]byte(place)) == nil {
			acl = append(acl, coordinator.Permission{Rights: writers, Identity: k.writer(id, p).identity()})
		}
	}
	return acl
}

// runOf returns the run to which a node belongs, and what follows in its path.
func runOf(node string) (id RunID, rest string, ok bool) {
	inside, ok := strings.CutPrefix(node, topologiesPath+"/")
	if !ok {
		return id, "", false
	}
	name, inside, _ := strings.Cut(inside, "/")
	inside, ok = strings.CutPrefix(inside, "runs/")
	if !ok {
		return id, "", false
	}
	number, rest, _ := strings.Cut(inside, "/")
	err := id.UnmarshalText([]byte(name + "." + number))
	return id, rest, err == nil
}
