package shells

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// source is our end of a child's stdout or stderr. Once the child is dead it
// reads on without waiting, so that all the child wrote is read, and no more:
// a process that inherited the pipe may hold it open, or write into it, for
// ever.
type source struct {
	file *os.File
	raw  syscall.RawConn

	awaited  atomic.Bool // the child is about to write: see Child.Await
	patience patience    // the reader's

	final atomic.Bool // set by end: the child is dead
	left  int         // bytes still to be read after that, owned by the reader; all a pipe can have held
}

// newSource makes a source of a descriptor that does not block, of a pipe that holds size bytes.
func newSource(fd, size int) (*source, error) {
	file := os.NewFile(uintptr(fd), "pipe")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &source{file: file, raw: raw, left: size}, nil
}

// close is for when nobody reads any more.
func (s *source) close() { s.file.Close() }

// read is Read, which returns [os.ErrDeadlineExceeded] after a deadline that the
// reader itself set. The end of the stream, and that of all the child wrote, is io.EOF.
func (s *source) read(b []byte) (n int, err error) {
	if !s.final.Load() {
		n, err := s.try(b, true)
		if !errors.Is(err, os.ErrDeadlineExceeded) || !s.final.Load() {
			return n, err
		}
	}
	return s.readRest(b)
}

// try reads what is there or, with wait, what there will be; without, nothing is io.EOF.
func (s *source) try(b []byte, wait bool) (n int, err error) {
	var readErr error
	awaited := s.awaited.Swap(false)
	err = s.raw.Read(func(fd uintptr) bool {
		if awaited {
			awaited = false // once, before it sleeps
			n, readErr = s.patience.read(int(fd), b)
		} else {
			n, readErr = readNow(int(fd), b)
		}
		return readErr != syscall.EAGAIN || !wait
	})
	switch {
	case err != nil:
		return 0, err
	case readErr == syscall.EAGAIN, readErr == nil && n == 0:
		return 0, io.EOF
	}
	return n, readErr
}

func (s *source) readRest(b []byte) (n int, err error) {
	for s.left > 0 {
		// end's deadline woke us; it would also keep us from reading.
		if err := s.file.SetReadDeadline(time.Time{}); err != nil {
			return 0, err
		}
		n, err := s.try(b, false)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue // end set it after we took it away; it does so once
		}
		s.left -= n
		return n, err
	}
	return 0, io.EOF
}

// end tells the reader that the child is dead.
func (s *source) end() {
	s.final.Store(true)
	// An error means that the file is closed, which wakes the reader as well.
	_ = s.file.SetReadDeadline(time.Unix(1, 0))
}
