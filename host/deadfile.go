package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/polybolt/polybolt/host/worker"
)

// deadFile is a dead.jsonl that comes to be with its first tuple. Earlier
// contents are kept: they are somebody's lost tuples.
type deadFile struct {
	path string

	mu    sync.Mutex
	file  *os.File
	lines worker.DeadLetters
}

// Bury appends a tuple; it is in the file, though not yet on the disk, when Bury returns.
func (d *deadFile) Bury(t *worker.DeadTuple) error {
	if err := d.open(); err != nil {
		return err
	}
	return d.lines.Bury(t)
}

// open makes the file, if that was not done yet.
func (d *deadFile) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	d.file, d.lines = f, worker.NewJSONLines(f)
	return nil
}

func (d *deadFile) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file == nil {
		return nil
	}
	err := d.file.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a pipe, a terminal or /dev/null, which has nothing to be put on a disk
	}
	if err = errors.Join(err, d.file.Close()); err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	return nil
}
