package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/crash"
)

// Limits of packed code in the coordinator.
const (
	// ChunkSize is what one node holds of a bundle. jute.maxbuffer, 1 MiB,
	// bounds a whole packet; half of it leaves room for whatever else there is in one.
	ChunkSize = 512 << 10

	// MaxBundle is the largest bundle that can be configured.
	MaxBundle = 1 << 30

	// fetching is how many chunks are asked for at once.
	fetching = 4
)

// PutBundle stores packed code under its hash. It may be interrupted, and done
// again; what is there already is not sent twice. A bundle becomes visible by
// the version that names it, which is written last.
func (t *Term) PutBundle(ctx context.Context, packed []byte) (blob.Hash, error) {
	hash := blob.HashOf(packed)
	if err := t.create(ctx, bundlePath(hash), nil); err != nil {
		return hash, fmt.Errorf("store bundle %s: %w", hash.Short(), err)
	}
	for i := 0; i*ChunkSize < len(packed); i++ {
		chunk := packed[i*ChunkSize : min((i+1)*ChunkSize, len(packed))]
		if err := t.create(ctx, chunkPath(hash, i), chunk); err != nil {
			return hash, fmt.Errorf("store bundle %s: %w", hash.Short(), err)
		}
	}
	return hash, nil
}

// create makes a node, unless it is there: what a hash names does not change.
func (t *Term) create(ctx context.Context, path string, data []byte) error {
	err := t.apply(ctx, coordinator.Create(path, data))
	if errors.Is(err, coordinator.ErrExists) {
		return nil
	}
	return err
}

// RemoveBundle deletes packed code.
func (t *Term) RemoveBundle(ctx context.Context, hash blob.Hash) error {
	return t.removeTree(ctx, bundlePath(hash))
}

// Bundles lists what packed code there is, whole or not.
func (c *Cluster) Bundles(ctx context.Context) ([]blob.Hash, error) {
	names, err := c.names(ctx, bundlesPath)
	list := make([]blob.Hash, len(names))
	for i, n := range names {
		list[i] = blob.Hash(n)
	}
	return list, err
}

// FetchBundle reads packed code and verifies it.
func (c *Cluster) FetchBundle(ctx context.Context, b Bundle) ([]byte, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	packed := make([]byte, b.Size)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg crash.Group
	room := make(chan struct{}, fetching)
	for i := 0; int64(i)*ChunkSize < b.Size && ctx.Err() == nil; i++ {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			part := packed[int64(i)*ChunkSize : min(int64(i+1)*ChunkSize, b.Size)]
			node, err := c.store.Get(ctx, chunkPath(b.Hash, i))
			if err == nil && len(node.Data) != len(part) {
				err = fmt.Errorf("chunk %d has %d bytes, and not %d", i, len(node.Data), len(part))
			}
			if err != nil {
				cancel(gone(err))
				return
			}
			copy(part, node.Data)
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("fetch bundle %s: %w", b.Hash.Short(), err)
	}
	if got := blob.HashOf(packed); got != b.Hash {
		return nil, fmt.Errorf("fetch bundle %s: its contents have the hash %s", b.Hash.Short(), got.Short())
	}
	return packed, nil
}
