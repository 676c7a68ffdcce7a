package transport

import (
	"fmt"
	"net"
	"os"
)

// checkUser returns an error unless the process at the other end of a Unix
// socket runs under our user. A connection in memory has no other end.
func checkUser(conn net.Conn) error {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return err
	}
	var uid int
	var failed error
	if err := raw.Control(func(fd uintptr) { uid, failed = peerUser(int(fd)) }); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("ask for the user at the other end: %w", failed)
	}
	if uid != os.Getuid() {
		return fmt.Errorf("the process at the other end belongs to user %d, not %d", uid, os.Getuid())
	}
	return nil
}
