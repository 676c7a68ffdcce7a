package process

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/polybolt/polybolt/host/slot"
)

// OwnLog is the file behind this process's stdout and stderr, where a worker
// logs, and what the Go runtime says of a panic goes too. Past its limit the
// file becomes an older one, and both descriptors get a new one. No failure of
// it stops anything: lines that cannot be written are counted, and the log
// says so when it works again. It may be written to concurrently.
type OwnLog struct {
	path  string
	limit int64
	out   []*os.File // all of them are the file at path; the first is written to

	mu   sync.Mutex
	size int64 // guarded by mu
	lost int   // guarded by mu: writes that failed since the last one that did not
}

var _ io.Writer = (*OwnLog)(nil)

// NewOwnLog returns the log of a process whose stdout and stderr are the file at path.
func NewOwnLog(path string) *OwnLog { return newOwnLog(path, slot.MaxLog, os.Stderr, os.Stdout) }

func newOwnLog(path string, limit int64, out ...*os.File) *OwnLog {
	l := &OwnLog{path: path, limit: limit, out: out}
	if info, err := out[0].Stat(); err == nil {
		l.size = info.Size()
	}
	return l
}

// Write writes a line. It never fails: who logs could do nothing about it.
func (l *OwnLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size >= l.limit {
		l.rotate()
	}
	if l.lost > 0 {
		if _, err := fmt.Fprintf(l.out[0], "%d log lines could not be written\n", l.lost); err != nil {
			l.lost++
			return len(line), nil
		}
		l.lost = 0
	}
	n, err := l.out[0].Write(line)
	l.size += int64(n)
	if err != nil {
		l.lost++
	}
	return len(line), nil
}

// rotate begins a new file. mu is held.
func (l *OwnLog) rotate() {
	// Whatever fails, the next attempt comes after a tenth of the limit.
	l.size = l.limit - l.limit/10
	if here, err := l.out[0].Stat(); err != nil || !isFile(l.path, here) {
		return // somebody else's: not ours to move
	}
	if err := slot.RotateLog(l.path); err != nil {
		fmt.Fprintln(l.out[0], "the log is not rotated:", err)
		return
	}
	fresh, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(l.out[0], "the log is not rotated:", err)
		return
	}
	defer fresh.Close()
	for _, f := range l.out {
		if err := redirect(fresh, f); err != nil {
			fmt.Fprintln(l.out[0], "the log is not rotated:", err)
			return
		}
	}
	l.size = 0
}

func isFile(path string, want os.FileInfo) bool {
	got, err := os.Stat(path)
	return err == nil && os.SameFile(got, want)
}
