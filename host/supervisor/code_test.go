package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/tools/smalldisk"
)

// bundle packs a folder with one file.
func bundle(t *testing.T, text string) (cluster.Bundle, []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "split.py"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	packed, err := blob.Pack(dir, blob.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return cluster.Bundle{Hash: packed.Hash, Size: int64(len(packed.Data))}, packed.Data
}

// newCode returns a code whose bundles come from a map, and counts how often they do.
func newCode(t *testing.T, bundles map[blob.Hash][]byte) (*code, *atomic.Int64) {
	t.Helper()
	var fetches atomic.Int64
	c := &code{dir: filepath.Join(t.TempDir(), "bundles"), limits: blob.DefaultLimits(), log: slog.New(slog.DiscardHandler),
		fetch: func(_ context.Context, b cluster.Bundle) ([]byte, error) {
			fetches.Add(1)
			if packed, ok := bundles[b.Hash]; ok {
				return packed, nil
			}
			return nil, errors.New("there is none")
		}}
	t.Cleanup(func() { // what is unpacked is sealed
		if err := blob.Remove(c.dir); err != nil {
			t.Error(err)
		}
	})
	return c, &fetches
}

func read(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "split.py"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A bundle is fetched once, however many want it at the same time, and nobody can change what was unpacked.
func TestCodeIsFetchedOnce(t *testing.T) {
	t.Parallel()
	b, packed := bundle(t, "one")
	c, fetches := newCode(t, map[blob.Hash][]byte{b.Hash: packed})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := c.get(t.Context(), b)
			if err != nil {
				t.Error(err)
				return
			}
			if got := read(t, dir); got != "one" {
				t.Errorf("the code says %q", got)
			}
		})
	}
	wg.Wait()
	if fetches.Load() != 1 {
		t.Errorf("it was fetched %d times", fetches.Load())
	}
	info, err := os.Stat(filepath.Join(c.dir, string(b.Hash), "split.py"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o222 != 0 {
		t.Errorf("the code has the mode %v", info.Mode())
	}
}

// What is not what was deployed is fetched again, whatever happened to it.
func TestCodeThatWasSpoilt(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(dir string) error{
		"changed":  func(dir string) error { return os.WriteFile(filepath.Join(dir, "split.py"), []byte("evil"), 0o600) },
		"removed":  func(dir string) error { return os.Remove(filepath.Join(dir, "split.py")) },
		"added":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "new.py"), nil, 0o600) },
		"a link":   func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "link")) },
		"gone":     blob.Remove,
		"a file":   func(dir string) error { return errors.Join(blob.Remove(dir), os.WriteFile(dir, nil, 0o600)) },
		"no stamp": func(dir string) error { return os.Remove(dir + ".digest") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, packed := bundle(t, "one")
			c, fetches := newCode(t, map[blob.Hash][]byte{b.Hash: packed})
			dir, err := c.get(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{dir, filepath.Join(dir, "split.py")} {
				if err := os.Chmod(path, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if dir, err = c.get(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 || read(t, dir) != "one" || fetches.Load() != 2 {
				t.Errorf("fetched %d times, and now %v, %v", fetches.Load(), entries, err)
			}
		})
	}
}

// What fails leaves nothing behind but what was there before, and says why.
func TestCodeThatCannotBeUnpacked(t *testing.T) {
	t.Parallel()
	b, packed := bundle(t, "one")
	bad := cluster.Bundle{Hash: blob.HashOf([]byte("no bundle")), Size: 9}
	c, _ := newCode(t, map[blob.Hash][]byte{b.Hash: packed, bad.Hash: []byte("no bundle")})
	if _, err := c.get(t.Context(), bad); err == nil {
		t.Error("what is no bundle was unpacked")
	}
	none := cluster.Bundle{Hash: blob.HashOf([]byte("none")), Size: 4}
	if _, err := c.get(t.Context(), none); err == nil || !strings.Contains(err.Error(), "there is none") {
		t.Errorf("a bundle that is not there: %v", err)
	}
	if _, err := c.get(t.Context(), b); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(c.dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A full disk is named as what it is; once there is room all is well.
func TestCodeOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := smalldisk.Need(t, "64k")
	random := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 20_000) // packs small, and is 520 KB
	b, packed := bundle(t, random)
	c, _ := newCode(t, map[blob.Hash][]byte{b.Hash: packed})
	c.dir = filepath.Join(disk, "bundles")
	if _, err := c.get(t.Context(), b); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk: %v", err)
	}
	if left, err := os.ReadDir(c.dir); err != nil || len(left) != 0 {
		t.Errorf("left on the full disk: %v, %v", left, err)
	}
	smalldisk.Enlarge(t, disk, "4m")
	dir, err := c.get(t.Context(), b)
	if err != nil || read(t, dir) != random {
		t.Errorf("when there is room again: %v", err)
	}
}

func TestReap(t *testing.T) {
	t.Parallel()
	one, onePacked := bundle(t, "one")
	two, twoPacked := bundle(t, "two")
	c, _ := newCode(t, map[blob.Hash][]byte{one.Hash: onePacked, two.Hash: twoPacked})
	for _, b := range []cluster.Bundle{one, two} {
		if _, err := c.get(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(c.dir, ".new-1", "fresh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.clean(), c.reap(map[blob.Hash]bool{two.Hash: true})); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil || len(entries) != 2 || entries[0].Name() != string(two.Hash) || entries[1].Name() != string(two.Hash)+".digest" {
		t.Errorf("left: %v, %v", entries, err)
	}
}
