package supervisor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/slot"
)

// How long what a worker has written stays after its last line, when no worker
// of its topology runs in that place any more.
const (
	keepLogs = 7 * 24 * time.Hour
	keepDead = 30 * 24 * time.Hour // somebody's lost tuples
)

// reapLogs deletes what was written so long ago that nobody will ask for it.
// busy has the folders of workers that run, or may.
func reapLogs(dataDir string, busy map[string]bool, now time.Time) error {
	places, err := filepath.Glob(slot.Logs(dataDir, "*", "*"))
	var errs []error
	for _, place := range places {
		if !busy[place] {
			errs = append(errs, reapPlace(place, now))
		}
	}
	return errors.Join(append(errs, err)...)
}

func reapPlace(dir string, now time.Time) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var last time.Time
	times := map[string]time.Time{}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		times[e.Name()] = info.ModTime()
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	left := 0
	for name, written := range times {
		old := now.Sub(last) > keepLogs
		if name == slot.DeadFile {
			old = now.Sub(written) > keepDead
		}
		if !old {
			left++
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if left > 0 {
		return nil
	}
	if err := os.Remove(dir); err != nil {
		return err
	}
	// The topology's folder goes with its last place.
	if err := os.Remove(filepath.Dir(dir)); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return nil
}
