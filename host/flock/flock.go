// Package flock takes locks on files: of those who work on a folder, one may.
//
// A lock ends with its process, however that ends. It is no lock between
// goroutines, and means nothing to who does not ask for it.
package flock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrHeld says that somebody else has the lock.
var ErrHeld = errors.New("it is locked")

// Lock is a lock on a file. Its methods may be called concurrently.
type Lock struct{ file *os.File }

// Take takes the lock on a file, which is made if it is missing, or returns
// ErrHeld; it does not wait. The caller must call Release.
func Take(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close() // the lock is what matters
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", path, ErrHeld)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Lock{file}, nil
}

// Release gives the lock back. The file stays: who removed it could remove the
// lock of the next one.
func (l *Lock) Release() error {
	// Closing is not enough: a child that is being forked has the descriptor, and with it
	// the lock, until its program starts.
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// InPlace returns nil if the file with the lock still has its name; else somebody
// may have the lock on another file of that name.
func (l *Lock) InPlace() error {
	here, err := l.file.Stat()
	if err != nil {
		return err
	}
	now, err := os.Stat(l.file.Name())
	if err == nil && !os.SameFile(here, now) {
		err = fmt.Errorf("%s is another file now", l.file.Name())
	}
	return err
}
