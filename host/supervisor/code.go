package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
)

// code is the bundles that are unpacked on this machine. Its methods may be
// called concurrently.
//
//	bundles/HASH/         the code, sealed against writing
//	bundles/HASH.digest   what it looked like when it was unpacked
type code struct {
	dir    string
	fetch  func(context.Context, cluster.Bundle) ([]byte, error)
	limits blob.Limits
	log    *slog.Logger

	mu   sync.Mutex
	busy map[blob.Hash]*sync.Mutex // guarded by mu: one at a time works on a bundle
}

// get returns the folder of a bundle, which is fetched if it is not there, or
// is not what it was.
func (c *code) get(ctx context.Context, b cluster.Bundle) (string, error) {
	lock := c.lock(b.Hash)
	lock.Lock()
	defer lock.Unlock()
	dir := filepath.Join(c.dir, string(b.Hash))
	err := c.verify(dir)
	if err == nil {
		return dir, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.log.Warn("the code on this machine is not what was deployed: fetching it again", "bundle", b.Hash.Short(), "err", err)
	}
	packed, err := c.fetch(ctx, b)
	if err != nil {
		return "", err
	}
	return dir, c.unpack(packed, dir)
}

func (c *code) lock(h blob.Hash) *sync.Mutex {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy == nil {
		c.busy = map[blob.Hash]*sync.Mutex{}
	}
	if c.busy[h] == nil {
		c.busy[h] = &sync.Mutex{}
	}
	return c.busy[h]
}

// verify returns nil if a folder is what it was when it was unpacked.
func (c *code) verify(dir string) error {
	want, err := os.ReadFile(dir + ".digest")
	if err != nil {
		return err
	}
	got, err := blob.Digest(dir)
	if err != nil {
		return err
	}
	if got != string(want) {
		return fmt.Errorf("%s was changed", dir)
	}
	return nil
}

// unpack puts a bundle in its place, whole or not at all. A running worker
// keeps the folder it has, even if that is moved away.
func (c *code) unpack(packed []byte, dir string) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(c.dir, ".new-")
	if err != nil {
		return err
	}
	defer func() {
		if err := blob.Remove(temp); err != nil {
			c.log.Warn("folder left behind", "err", err)
		}
	}()
	fresh := filepath.Join(temp, "fresh")
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if err := blob.Extract(packed, fresh, c.limits); err != nil {
		return err
	}
	if err := blob.Seal(fresh); err != nil {
		return err
	}
	digest, err := blob.Digest(fresh)
	if err != nil {
		return err
	}
	// Without its digest a folder counts as missing: so that goes first and comes last.
	if err := os.Remove(dir + ".digest"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(dir, filepath.Join(temp, "old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(fresh, dir); err != nil {
		return err
	}
	return replaceFile(dir+".digest", []byte(digest))
}

// clean deletes what an earlier supervisor left half done.
func (c *code) clean() error {
	left, err := filepath.Glob(filepath.Join(c.dir, ".new-*"))
	for _, dir := range left {
		err = errors.Join(err, blob.Remove(dir))
	}
	return err
}

// reap deletes bundles that nobody uses.
func (c *code) reap(used map[blob.Hash]bool) error {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		name, _ := strings.CutSuffix(e.Name(), ".digest")
		h := blob.Hash(name)
		if used[h] || h.Validate() != nil {
			continue
		}
		lock := c.lock(h)
		if !lock.TryLock() {
			continue // it is being fetched
		}
		if e.IsDir() {
			errs = append(errs, blob.Remove(filepath.Join(c.dir, e.Name())))
		} else {
			errs = append(errs, os.Remove(filepath.Join(c.dir, e.Name())))
		}
		lock.Unlock()
	}
	return errors.Join(errs...)
}
