//go:build !linux

package shells

import (
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a child process, leader of its own process group. There is no
// parent-death signal here: a child learns of our death by the end of stdin.
type process struct {
	pid int

	mu     sync.Mutex
	reaped bool
	out    outcome // set by wait
}

// fork starts a process.
func fork(path string, argv, env []string, dir string, files [3]uintptr) (*process, error) {
	pid, _, err := syscall.StartProcess(path, argv, &syscall.ProcAttr{
		Dir: dir, Env: env, Files: files[:], Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return nil, err
	}
	return &process{pid: pid}, nil
}

// wait returns when the process has exited. It has to reap it to learn that;
// its group's number stays taken while anything of the group lives.
func (p *process) wait() {
	var status unix.WaitStatus
	var usage unix.Rusage
	for {
		_, err := unix.Wait4(p.pid, &status, 0, &usage)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			panic("shells: waiting for a child: " + err.Error())
		}
	}
	p.out = outcome{
		code:   status.ExitStatus(),
		user:   time.Duration(usage.Utime.Nano()),
		system: time.Duration(usage.Stime.Nano()),
		maxRSS: usage.Maxrss, // macOS counts in bytes
	}
	if status.Signaled() {
		p.out.signal, p.out.core = status.Signal(), status.CoreDump()
	}
}

// reap returns how the process ended. No signal is sent from then on.
func (p *process) reap() outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	return p.out
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
	_ = unix.Kill(pid, sig) // it fails only when nobody is left
}

// killTree ends the process and its group. Whoever left the group stays.
func (p *process) killTree() { p.signal(syscall.SIGKILL, true) }

// killRest ends what a process that has exited left behind in its group.
func (p *process) killRest(string) { p.signal(syscall.SIGKILL, true) }
