// Package fetch keeps what tests fetch from elsewhere in a cache of the user's,
// where any number of test processes find it.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// CacheEnv names the environment variable that says where the cache is, instead
// of in polybolt-test in the user's cache folder.
const CacheEnv = "POLYBOLT_TEST_CACHE"

// Once returns the folder of that name in the cache. If it is not there,
// get is called with an empty folder to work in, and returns the folder below
// it, or that one itself, which then becomes the one in the cache; the rest is
// deleted. One process fetches, others wait for it or give up with ctx. The name
// should change with what is fetched: a folder that is there is never made anew.
func Once(ctx context.Context, name string, get func(work string) (folder string, err error)) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil // a folder of this name is complete: it was renamed into place
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", fmt.Errorf("fetch %s for the tests: %w", name, err)
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	partial, err := os.MkdirTemp(cache, "partial-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	work := filepath.Join(partial, "work") // others may read it, unlike the folder around it
	if err := os.Mkdir(work, 0o755); err != nil {
		return "", err
	}
	folder, err := get(work)
	if err != nil {
		return "", fmt.Errorf("fetch %s for the tests: %w", name, err)
	}
	return dir, os.Rename(folder, dir)
}

func cacheDir() (string, error) {
	dir := os.Getenv(CacheEnv)
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache folder for the tests (set %s): %w", CacheEnv, err)
		}
		dir = filepath.Join(user, "polybolt-test")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cache folder for the tests (set %s): %w", CacheEnv, err)
	}
	return dir, nil
}

// lock takes a lock that ends with the process at the latest.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() {
				_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // a child being forked may have the descriptor
				_ = f.Close()
			}, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("wait for another process that fetches it: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Command runs a program in a folder to its end. What it wrote is part of the
// error if it fails.
func Command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
