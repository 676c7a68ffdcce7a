package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestOnceFetchesOnce(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(CacheEnv, cache)
	var calls atomic.Int32
	get := func(work string) (string, error) {
		calls.Add(1)
		if err := os.WriteFile(filepath.Join(work, "beside"), nil, 0o600); err != nil {
			return "", err
		}
		return filepath.Join(work, "it"), os.Mkdir(filepath.Join(work, "it"), 0o755)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if dir, err := Once(t.Context(), "thing-1", get); err != nil || dir != filepath.Join(cache, "thing-1") {
				t.Errorf("Once = %q, %v", dir, err)
			}
		})
	}
	wait.Wait()
	if calls.Load() != 1 {
		t.Errorf("it was fetched %d times", calls.Load())
	}
	if entries, err := os.ReadDir(cache); err != nil || len(entries) != 2 { // the folder and its lock
		t.Errorf("the cache holds %v, %v", entries, err)
	}
}

func TestOnceLeavesNothingOfAFailure(t *testing.T) {
	t.Setenv(CacheEnv, t.TempDir())
	broken := errors.New("broken")
	_, err := Once(t.Context(), "thing-1", func(string) (string, error) { return "", broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "fetch thing-1") {
		t.Errorf("Once = %v", err)
	}
	if _, err := Once(t.Context(), "thing-1", func(work string) (string, error) { return work, nil }); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

// A process that waits for the lock gives up with its context.
func TestOnceHonoursContext(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(CacheEnv, cache)
	unlock, err := lock(t.Context(), filepath.Join(cache, "thing-1.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Once(ctx, "thing-1", func(work string) (string, error) { return work, nil })
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("Once = %v", err)
	}
}

func TestCommandTellsWhatWasWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := Command(t.Context(), dir, "touch", "there"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "there")); err != nil {
		t.Error(err)
	}
	if err := Command(t.Context(), dir, "sh", "-c", "echo why >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "exit status 3\nwhy") {
		t.Errorf("Command = %v", err)
	}
}
