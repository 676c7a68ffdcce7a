package shells

import (
	"bytes"
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

	// Said is the last error that the child told in another way than on stderr.
	// Whoever knows it fills it in; it is the reason if stderr has no line of an error.
	Said string

	Stderr []byte // the last [StderrTail] bytes, as written
	Unused int    // bytes of stdout that Output left over: a frame cut off by the death

	User, System time.Duration // CPU time of the child and of what it waited for
	MaxRSS       int64         // bytes, the largest process among those
}

// Clean tells whether the child exited with code 0 and nobody had to end it.
func (e *Exit) Clean() bool { return e.Code == 0 && e.Signal == "" && e.Err == nil }

// Reason says in one line why the child ended: why we ended it, else the line of its
// stderr that tells, else what it said, else the last line of its stderr; empty if
// there is none of these.
func (e *Exit) Reason() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	if e.Code == 0 && e.Signal == "" {
		return ""
	}
	if e.Code > 0 {
		return reason(e.Stderr, e.Said)
	}
	return reason(e.Stderr, "")
}

// String is one line: who ended, how, after how long, and why.
func (e *Exit) String() string {
	how := fmt.Sprintf("exited with code %d", e.Code)
	if e.Signal != "" {
		how = "was killed by " + e.Signal
	}
	line := fmt.Sprintf("%s (pid %d) %s after %s", e.Name, e.PID, how, e.Ended.Sub(e.Started).Round(time.Millisecond))
	if why := e.Reason(); why != "" {
		line += ": " + why
	}
	return line
}

// Report is String and all that is known besides, in lines.
func (e *Exit) Report() string {
	var b strings.Builder
	fmt.Fprintln(&b, e.String())
	if hint := e.hint(); hint != "" {
		fmt.Fprintf(&b, "  hint:        %s\n", hint)
	}
	fmt.Fprintf(&b, "  command:     %q\n", e.Command)
	fmt.Fprintf(&b, "  folder:      %s\n", e.Dir)
	fmt.Fprintf(&b, "  interpreter: %s\n", e.Interpreter)
	fmt.Fprintf(&b, "  ran:         %s to %s\n", e.Started.Format(time.RFC3339), e.Ended.Format(time.RFC3339))
	fmt.Fprintf(&b, "  used:        %s CPU (%s of it in the kernel), %d MiB of memory at most\n",
		(e.User + e.System).Round(time.Millisecond), e.System.Round(time.Millisecond), e.MaxRSS>>20)
	if e.Unused > 0 {
		fmt.Fprintf(&b, "  stdout:      ends with %d bytes of an unfinished message\n", e.Unused)
	}
	if len(e.Stderr) == 0 {
		fmt.Fprintln(&b, "  stderr:      nothing")
		return b.String()
	}
	fmt.Fprintf(&b, "  stderr, the last %d bytes:\n", len(e.Stderr))
	var lines Lines
	emit := func(line []byte) { fmt.Fprintf(&b, "    %s\n", line) }
	lines.Write(e.Stderr, emit)
	lines.Flush(emit)
	return b.String()
}

// hint explains the ends that puzzle people.
func (e *Exit) hint() string {
	says := func(text string) bool { return bytes.Contains(e.Stderr, []byte(text)) }
	switch {
	case e.Signal == "SIGKILL" && e.Err == nil:
		return "the signal did not come from us: most often the kernel sends it when memory runs out (dmesg tells)"
	case e.Signal == "SIGSEGV" || e.Signal == "SIGBUS" || e.Signal == "SIGILL" || e.Signal == "SIGABRT":
		return "native code crashed: an extension module, or the interpreter itself"
	case says("not allowed in NODE_OPTIONS"):
		return "this Node is too old: Polybolt needs 18.19 or later"
	case says("ModuleNotFoundError: ") || says("ERR_MODULE_NOT_FOUND") || says("Cannot find module"):
		return "install the module for the interpreter below, or put it into the bundle (Python: vendor/, Node: node_modules/)"
	case e.Code == 127 || e.Code == 126:
		return "a shell says so when it finds no such program, or cannot run it"
	}
	return ""
}

// set fills in what the kernel says.
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
