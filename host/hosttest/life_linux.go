package hosttest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// endsWithUs has a process killed when this one ends, however that happens.
func endsWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// starts is where processes are started: the kernel's signal comes at the end
// of the thread that forked.
var starts = make(chan func())

func init() {
	go func() {
		runtime.LockOSThread()
		for f := range starts {
			f()
		}
	}()
}

func startHere(cmd *exec.Cmd) error {
	result := make(chan error)
	starts <- func() { result <- cmd.Start() }
	return <-result
}
