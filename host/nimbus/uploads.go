package nimbus

import (
	"context"
	"sync"

	"github.com/polybolt/polybolt/host/blob"
)

// uploads are bundles that are being stored, and that no version names yet.
type uploads struct {
	mu     sync.Mutex
	hashes map[blob.Hash]int // guarded by mu: how many deploys are at it
}

// begin keeps a bundle from being swept until end is called.
func (u *uploads) begin(hash blob.Hash) (end func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.hashes == nil {
		u.hashes = map[blob.Hash]int{}
	}
	u.hashes[hash]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.hashes[hash]--; u.hashes[hash] == 0 {
			delete(u.hashes, hash)
		}
	}
}

func (u *uploads) has(hash blob.Hash) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.hashes[hash] > 0
}

// sweep deletes bundles that no version names: those of versions that are not
// kept any more, and those whose deploy was cut off. It looks only after a
// change that may have left some.
func (l *leader) sweep(ctx context.Context) error {
	if l.swept {
		return nil
	}
	used, err := l.bundles(ctx)
	if err != nil {
		return err
	}
	all, err := l.c.Bundles(ctx)
	if err != nil {
		return err
	}
	for _, hash := range all {
		if _, kept := used[hash]; kept || l.uploads.has(hash) {
			continue
		}
		if err := l.term.RemoveBundle(ctx, hash); err != nil {
			return err
		}
		l.o.Log.Info("bundle removed", "bundle", hash.Short())
	}
	l.swept = true
	return nil
}

// bundles returns the sizes of the bundles that versions and runs name.
func (l *leader) bundles(ctx context.Context) (map[blob.Hash]int64, error) {
	used := map[blob.Hash]int64{}
	for name, v := range l.world.topologies {
		for _, n := range v.versions {
			version, err := l.version(ctx, name, n)
			if err != nil {
				return nil, err
			}
			used[version.Bundle.Hash] = version.Bundle.Size
		}
		for _, r := range v.runs {
			used[r.run.Bundle.Hash] = r.run.Bundle.Size
		}
	}
	return used, nil
}
