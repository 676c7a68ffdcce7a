package slot

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Port is a TCP port that is kept for a worker: it is bound, and nobody listens
// there. Whoever connects is refused until the worker listens (with [Share]),
// and no other user's process, nor any that connects to somewhere, is given the port meanwhile.
type Port struct {
	Number int
	file   *os.File
}

// KeepPort takes a port of an address (a name or IP): the given one or, if it is
// 0, one that is free. Processes of this user that share the port do not keep
// it from doing so; any other does, with an error that is [syscall.EADDRINUSE].
func KeepPort(address string, number int) (*Port, error) {
	at, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(address, fmt.Sprint(number)))
	if err != nil {
		return nil, err
	}
	family, sa := unix.AF_INET6, unix.Sockaddr(nil)
	if v4 := at.IP.To4(); v4 != nil {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: number, Addr: [4]byte(v4)}
	} else {
		v6 := &unix.SockaddrInet6{Port: number}
		copy(v6.Addr[:], at.IP) // none: any
		if at.Zone != "" {
			if i, err := net.InterfaceByName(at.Zone); err == nil {
				v6.ZoneId = uint32(i.Index)
			}
		}
		sa = v6
	}
	syscall.ForkLock.RLock() // a worker that is started just then must not keep the port
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "port")
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		file.Close()
		return nil, err
	}
	if err := unix.Bind(fd, sa); err != nil {
		file.Close()
		return nil, &net.OpError{Op: "bind", Net: "tcp", Addr: at, Err: os.NewSyscallError("bind", err)}
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		file.Close()
		return nil, err
	}
	p := &Port{file: file}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		p.Number = name.Port
	case *unix.SockaddrInet6:
		p.Number = name.Port
	}
	return p, nil
}

// Close gives the port up. A worker that listens there goes on.
func (p *Port) Close() error { return p.file.Close() }

// Share is the Control of a [net.ListenConfig] that listens at a port which is kept.
func Share(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err != nil {
		return err
	}
	return set
}
