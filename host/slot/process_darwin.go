package slot

import (
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/polybolt/polybolt/host/crash"
)

// Process is a process by its pid, which is all that macOS has. Its methods
// may be called concurrently.
type Process struct {
	PID   int
	done  chan struct{} // closed when the process has ended, or Close was called
	close func()
}

// lookEvery is how often a process is looked for.
const lookEvery = 100 * time.Millisecond

// OpenProcess returns the process that has the pid now.
func OpenProcess(pid int) (*Process, error) {
	if err := unix.Kill(pid, 0); err != nil {
		return nil, err
	}
	closed := make(chan struct{})
	p := &Process{PID: pid, done: make(chan struct{}), close: sync.OnceFunc(func() { close(closed) })}
	crash.Go(func() {
		defer close(p.done)
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		for unix.Kill(pid, 0) != unix.ESRCH {
			select {
			case <-ticker.C:
			case <-closed:
				return
			}
		}
	})
	return p, nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal. [os.ErrProcessDone]: there is nobody any more.
func (p *Process) Signal(sig syscall.Signal) error {
	err := unix.Kill(p.PID, sig)
	if err == unix.ESRCH {
		return os.ErrProcessDone
	}
	return err
}

// Close lets go of the process, which lives on.
func (p *Process) Close() {
	p.close()
	<-p.done
}

type credentials struct{ pid, uid int }

// peerOf returns who is at the other end of a connection (LOCAL_PEERPID and LOCAL_PEERCRED, unix(4)).
func peerOf(conn *net.UnixConn) (c credentials, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return c, err
	}
	if cerr := raw.Control(func(fd uintptr) {
		if c.pid, err = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID); err != nil {
			return
		}
		var cred *unix.Xucred
		if cred, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); err == nil {
			c.uid = int(cred.Uid)
		}
	}); cerr != nil {
		return c, cerr
	}
	return c, err
}

// guards tells whether a worker's parent is its guardian. When that has died,
// the parent is launchd, process 1.
func guards(parent, _ int) bool { return parent != 1 }

// parentOf returns a process's parent.
func parentOf(pid int) (int, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0, err
	}
	return int(info.Eproc.Ppid), nil
}
