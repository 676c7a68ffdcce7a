package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirect makes to's descriptor stand for what from's does. Standard
// descriptors are inherited, and no others should be.
func redirect(from, to *os.File) error {
	flags := unix.O_CLOEXEC
	if to.Fd() <= 2 {
		flags = 0
	}
	return unix.Dup3(int(from.Fd()), int(to.Fd()), flags)
}
