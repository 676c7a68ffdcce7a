package shells

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// outcome is what the kernel says of a process that ended.
type outcome struct {
	code         int // -1 after a signal
	signal       syscall.Signal
	core         bool
	user, system time.Duration
	maxRSS       int64 // bytes
}

// Exit is the record of a child's end: all that is needed to understand it
// without the machine it happened on.
type Exit struct {
	Name        string   // as in [Spec]
	PID         int      //
	Command     []string // argv, as the process saw it
	Dir         string   // its working folder
	Interpreter string   // the real path of the program, or of the interpreter that its #! line names
	Started     time.Time
	Ended       time.Time

	Code   int    // exit code; -1 if a signal ended it
	Signal string // such as "SIGKILL"; empty if it exited
	Core   bool   // it left a core dump

	// Err says why we ended it, such as an error of [Spec.Output]. It is nil
	// if the child ended by itself, or by the hand of someone else.
	Err error

	Stderr []byte // the last [StderrTail] bytes, as written
	Unused int    // bytes of stdout that Output left over: a frame cut off by the death

	User, System time.Duration // CPU time of the child and of what it waited for
	MaxRSS       int64         // bytes, the largest process among those
}

// Clean tells whether the child exited with code 0 and nobody had to end it.
func (e *Exit) Clean() bool { return e.Code == 0 && e.Signal == "" && e.Err == nil }

// String is one line: who ended, how, after how long, and why.
func (e *Exit) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (pid %d) ", e.Name, e.PID)
	if e.Signal != "" {
		fmt.Fprintf(&b, "was killed by %s", e.Signal)
	} else {
		fmt.Fprintf(&b, "exited with code %d", e.Code)
	}
	fmt.Fprintf(&b, " after %s", e.Ended.Sub(e.Started).Round(time.Millisecond))
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// exitRecord fills in what the kernel says.
func (e *Exit) set(out outcome) {
	e.Code, e.Core = out.code, out.core
	if out.signal != 0 {
		e.Code, e.Signal = -1, signalName(out.signal)
	}
	e.User, e.System, e.MaxRSS = out.user, out.system, out.maxRSS
}

func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(sig)) // a real-time signal
}
