package shells

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ownProgram names this binary, even if the file was replaced since.
func ownProgram() string { return "/proc/self/exe" }

// becomeReaper makes this process the one that orphans among its descendants are handed to.
func becomeReaper() {
	// Both exist since Linux 3.4; pid 1 is a reaper anyway.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	name := []byte("polybolt-guard\x00") // otherwise ps -e says "exe"
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0)
}

func workerAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func dup2(from, to int) error { return unix.Dup3(from, to, 0) }

// endAll sends SIGKILL to all that is left below us.
func endAll(worker int) {
	switch {
	case ownProc():
		killOffspring(os.Getpid())
	case os.Getpid() == 1:
		_ = unix.Kill(-1, unix.SIGKILL) // in a pid namespace of our own: all but us
	default:
		_ = unix.Kill(-worker, unix.SIGKILL)
	}
}

// leftovers lists what is left below us.
func leftovers() []int { return offspring(os.Getpid()) }
