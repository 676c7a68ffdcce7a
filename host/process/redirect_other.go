//go:build !linux

package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirect makes to's descriptor stand for what from's does. Standard
// descriptors are inherited, and no others should be.
func redirect(from, to *os.File) error {
	if err := unix.Dup2(int(from.Fd()), int(to.Fd())); err != nil {
		return err
	}
	if to.Fd() > 2 {
		unix.CloseOnExec(int(to.Fd()))
	}
	return nil
}
