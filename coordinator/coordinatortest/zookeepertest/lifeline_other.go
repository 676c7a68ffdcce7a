//go:build !linux

package zookeepertest

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// startTied starts cmd so that it is killed when this process dies, however
// it dies: a shell waits for the end of a pipe whose writing end only we hold.
func startTied(cmd *exec.Cmd) (wait func() error, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("watch over process %d: %w (%v)", cmd.Process.Pid, err, cmd.Wait())
	}
	watcher := exec.Command("sh", "-c", fmt.Sprintf("read x || kill -9 %d", cmd.Process.Pid))
	watcher.Stdin = r
	err = watcher.Start()
	_ = r.Close()
	if err != nil {
		_ = w.Close()
		_ = cmd.Process.Kill()
		return nil, fmt.Errorf("watch over process %d: %w (%v)", cmd.Process.Pid, err, cmd.Wait())
	}
	return func() error {
		err := cmd.Wait()
		// A line tells the shell to leave the pid alone: it may be another's soon.
		_, _ = w.WriteString("done\n")
		_ = w.Close()
		_ = watcher.Wait()
		return err
	}, nil
}
