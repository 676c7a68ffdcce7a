package supervisor

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/slot"
)

func TestReapLogs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now()
	write := func(topology, place, name string, age time.Duration) {
		t.Helper()
		file := filepath.Join(slot.Logs(dir, topology, place), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600), os.Chtimes(file, now, now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	write("gone", "0.0", slot.LogFile, 8*day)
	write("gone", "0.0", slot.FiguresFile, 9*day)
	write("quiet", "0.0", slot.LogFile, 100*day) // it still runs
	write("recent", "0.0", slot.LogFile, 6*day)
	write("recent", "0.0", slot.LogName(slot.LogFile, 1), 50*day) // older lines stay with the last ones
	write("recent", "0.1", slot.LogFile, 8*day)
	write("lost", "0.0", slot.LogFile, 8*day)
	write("lost", "0.0", slot.DeadFile, 29*day)
	write("lost", "1.0", slot.DeadFile, 31*day)
	if err := reapLogs(dir, map[string]bool{slot.Logs(dir, "quiet", "0.0"): true}, now); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		files, err := filepath.Glob(filepath.Join(dir, "logs", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name, err := filepath.Rel(filepath.Join(dir, "logs"), f)
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, name)
		}
	}
	slices.Sort(left)
	want := []string{"lost", "lost/0.0", "lost/0.0/dead.jsonl", "quiet", "quiet/0.0", "quiet/0.0/worker.log", "recent", "recent/0.0", "recent/0.0/worker.log", "recent/0.0/worker.log.1"}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
}
