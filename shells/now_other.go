//go:build !linux

package shells

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// readNow and writeNow are read(2) and write(2) on a descriptor that does not block.

func readNow(fd int, b []byte) (int, error) { return again(unix.Read, fd, b) }

func writeNow(fd int, b []byte) (int, error) { return again(unix.Write, fd, b) }

// yield lets another thread run, the child's above all.
func yield() { runtime.Gosched() }

func again(call func(int, []byte) (int, error), fd int, b []byte) (int, error) {
	for {
		if n, err := call(fd, b); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
