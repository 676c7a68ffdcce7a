package zookeepertest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startTied starts cmd so that it is killed when this process dies, however
// it dies. Linux ties the signal to the thread that started the child, so the
// thread is kept until wait has returned: call both on one goroutine.
func startTied(cmd *exec.Cmd) (wait func() error, err error) {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return func() error {
		defer runtime.UnlockOSThread()
		return cmd.Wait()
	}, nil
}
