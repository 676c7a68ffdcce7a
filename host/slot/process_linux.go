package slot

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/polybolt/polybolt/host/crash"
)

// Process is a process by a descriptor of the kernel, which no other process
// can come to be behind. Its methods may be called concurrently.
type Process struct {
	PID  int
	fd   *os.File
	done chan struct{} // closed when the process has ended, or Close was called
}

// OpenProcess returns the process that has the pid now.
func OpenProcess(pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	p := &Process{PID: pid, fd: os.NewFile(uintptr(fd), "pidfd"), done: make(chan struct{})}
	raw, err := p.fd.SyscallConn()
	if err != nil {
		p.fd.Close()
		return nil, err
	}
	crash.Go(func() {
		defer close(p.done)
		// Readable when the process has ended; an error: it was closed.
		_ = raw.Read(func(fd uintptr) bool {
			polls := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, err := unix.Poll(polls, 0)
			return err == nil && n > 0
		})
	})
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal. [os.ErrProcessDone]: there is nobody any more.
func (p *Process) Signal(sig syscall.Signal) error {
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) }); err != nil {
		return err
	}
	if sent == unix.ESRCH {
		return os.ErrProcessDone
	}
	return sent
}

// Close lets go of the process, which lives on.
func (p *Process) Close() {
	p.fd.Close()
	<-p.done
}

type credentials struct{ pid, uid int }

// peerOf returns who is at the other end of a connection (SO_PEERCRED, unix(7)).
func peerOf(conn *net.UnixConn) (c credentials, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return c, err
	}
	var cred *unix.Ucred
	if cerr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); cerr != nil {
		return c, cerr
	}
	if err != nil {
		return c, err
	}
	return credentials{int(cred.Pid), int(cred.Uid)}, nil
}

// guards tells whether a worker's parent is its guardian: it runs the same
// program. When a guardian has died, the parent is whoever takes orphans in.
func guards(parent, worker int) bool {
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", parent))
	if err != nil {
		return false
	}
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", worker))
	return err == nil && own == theirs
}

// parentOf returns a process's parent (proc_pid_stat(5)).
func parentOf(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The program's name, in parentheses, may hold anything.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/stat says %.100q", pid, b)
	}
	return strconv.Atoi(string(fields[1]))
}
