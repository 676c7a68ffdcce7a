package embedded

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes a file's content safe, its length included.
func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
