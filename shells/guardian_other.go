//go:build !linux

package shells

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func ownProgram() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// becomeReaper does nothing: only Linux hands orphans to anyone but pid 1.
func becomeReaper() {}

func workerAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func dup2(from, to int) error { return unix.Dup2(from, to) }

// endAll ends the worker's process group. The worker's children lead groups
// of their own and end with their stdin.
func endAll(worker int) {
	_ = unix.Kill(-worker, unix.SIGKILL) // it fails when nobody is left
}

func leftovers() []int { return nil }
