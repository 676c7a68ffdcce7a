package shells

import (
	"cmp"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a child process, leader of its own process group. It stays
// visible as a zombie, its ids reserved, until reap.
type process struct {
	pid   int
	pidfd *os.File // nil where the kernel gives none (before 5.10, or in a sandbox)

	mu     sync.Mutex
	reaped bool
}

// fork starts a process that dies with this one.
func fork(path string, argv, env []string, dir string, files [3]uintptr) (*process, error) {
	pidfd := -1
	attr := &syscall.ProcAttr{
		Dir:   dir,
		Env:   env,
		Files: files[:],
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd},
	}
	var pid int
	var err error
	onForkThread(func() { pid, _, err = syscall.StartProcess(path, argv, attr) })
	if err != nil {
		return nil, err
	}
	p := &process{pid: pid}
	if pidfd >= 0 {
		// Non-blocking, the runtime's poller can wait for it: a parked
		// goroutine instead of a thread for each child.
		if unix.SetNonblock(pidfd, true) == nil {
			p.pidfd = os.NewFile(uintptr(pidfd), "pidfd")
		} else {
			unix.Close(pidfd)
		}
	}
	return p, nil
}

// wait returns when the process has exited, and leaves it to be reaped.
func (p *process) wait() {
	if p.pidfd != nil && p.poll() == nil {
		return
	}
	if _, err := exited(unix.P_PID, p.pid, 0); err != nil {
		// Somebody else waited for our child: every later signal might hit a stranger.
		panic("shells: waiting for a child: " + err.Error())
	}
}

// poll is wait for a parked goroutine. The error says that this kernel cannot
// do it (before 5.4).
func (p *process) poll() error {
	raw, err := p.pidfd.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) (done bool) {
		done, failed = exited(unix.P_PIDFD, int(fd), unix.WNOHANG)
		return done || failed != nil
	})
	return cmp.Or(err, failed)
}

// exited tells whether a process has exited, or waits for that.
func exited(kind, id, flags int) (bool, error) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(kind, id, &info, unix.WEXITED|unix.WNOWAIT|flags, nil)
		if err != unix.EINTR {
			return info.Signo != 0, err
		}
	}
}

// reap removes the process, which has exited, and returns how it ended. No
// signal can reach it, or a process that got its id, from then on.
func (p *process) reap() outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	var status unix.WaitStatus
	var usage unix.Rusage
	for {
		_, err := unix.Wait4(p.pid, &status, 0, &usage)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			panic("shells: reaping a child: " + err.Error())
		}
	}
	p.reaped = true
	if p.pidfd != nil {
		p.pidfd.Close()
	}
	out := outcome{
		code:   status.ExitStatus(),
		user:   time.Duration(usage.Utime.Nano()),
		system: time.Duration(usage.Stime.Nano()),
		maxRSS: usage.Maxrss << 10, // Linux counts in KiB
	}
	if status.Signaled() {
		out.signal, out.core = status.Signal(), status.CoreDump()
	}
	return out
}

// signal sends sig to the process, or to all of its process group. It does
// nothing once the process is reaped.
func (p *process) signal(sig syscall.Signal, group bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	pid := p.pid
	if group {
		pid = -pid
	}
	// It fails only when everyone is a zombie or has changed its user: there
	// is nothing more to do, and the exit will tell.
	_ = unix.Kill(pid, sig)
}

// killTree ends the process, its group, and all their descendants, also those
// in groups and sessions of their own.
func (p *process) killTree() {
	p.mu.Lock() // held to the end: nobody may reap the number we walk from
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	if ownProc() {
		_ = unix.Kill(-p.pid, unix.SIGSTOP) // see signal for the errors
		killOffspring(p.pid)
	}
	_ = unix.Kill(-p.pid, unix.SIGKILL)
}

// killRest ends what a process that has exited left behind: its group, and
// whatever else was started with mark in its environment.
func (p *process) killRest(mark string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if self, err := readStat(p.pid); err == nil && ownProc() {
		killMarked(mark, self.start) // before the group: whoever dies gives its children away
	}
	_ = unix.Kill(-p.pid, unix.SIGKILL)
}
