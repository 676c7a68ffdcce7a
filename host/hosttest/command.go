package hosttest

import "os/exec"

// StartCommand starts a process that is killed when this one ends, however
// that happens. The caller waits for it.
func StartCommand(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = endsWithUs()
	}
	return startHere(cmd)
}
