package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/polybolt/polybolt/host/flock"
)

// folder is what the journal needs of a file system, so that a test can take
// the power away at any moment. Names have no slashes. A change of names is
// safe only after syncNames.
type folder interface {
	names() ([]string, error)
	open(name string) (io.ReadCloser, error)
	// extend opens a file to write behind its first size bytes, made if it is
	// missing; what lies beyond is cut off.
	extend(name string, size int64) (file, error)
	rename(from, to string) error
	remove(name string) error
	syncNames() error
}

// file is a file to write to. What was written is safe only after Sync.
type file interface {
	io.WriteCloser
	Sync() error
}

// diskFolder is a real folder.
type diskFolder struct {
	path string
	lock *flock.Lock
}

// openFolder makes the folder if it is missing, and takes a lock on it that
// ends with close or with the process.
func openFolder(path string) (*diskFolder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	lock, err := flock.Take(filepath.Join(path, "lock"))
	if errors.Is(err, flock.ErrHeld) {
		return nil, fmt.Errorf("folder %s is in use by another coordinator: end it, or choose another folder", path)
	}
	if err != nil {
		return nil, err
	}
	return &diskFolder{path, lock}, nil
}

func (d *diskFolder) close() error { return d.lock.Release() }

func (d *diskFolder) names() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (d *diskFolder) open(name string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(d.path, name))
}

func (d *diskFolder) extend(name string, size int64) (file, error) {
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	err = f.Truncate(size)
	if err == nil {
		_, err = f.Seek(size, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return diskFile{f}, nil
}

func (d *diskFolder) rename(from, to string) error {
	return os.Rename(filepath.Join(d.path, from), filepath.Join(d.path, to))
}

func (d *diskFolder) remove(name string) error { return os.Remove(filepath.Join(d.path, name)) }

func (d *diskFolder) syncNames() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// diskFile is a real file; Sync leaves out times of access, where it can.
type diskFile struct{ *os.File }

func (f diskFile) Sync() error { return syncData(f.File) }
