package shells

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readNow and writeNow are read(2) and write(2) on a descriptor that does not
// block. The runtime does not learn of them. It would wake its monitor thread
// for the first call after every time that nothing was to do, and when rows
// trickle that is each of them: a third of the CPU time that a row costs the host.

func readNow(fd int, b []byte) (int, error) { return now(unix.SYS_READ, fd, b) }

func writeNow(fd int, b []byte) (int, error) { return now(unix.SYS_WRITE, fd, b) }

// yield lets another thread of this processor run, the child's above all.
func yield() { _, _, _ = syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) } // which cannot fail

func now(trap uintptr, fd int, b []byte) (int, error) {
	for {
		n, _, err := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch err {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, err
		}
	}
}
