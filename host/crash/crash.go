// Package crash is how a daemon ends when its own code panics: one line in its
// log that names what broke, the stack after it, and [ExitCode], within a
// second. Whoever watches the daemon starts it again, and it recovers from what
// the coordinator holds.
//
// A panic can be caught only by the goroutine that it happens in, so all
// goroutines of a daemon are started through this package: [Group] where they
// are waited for together, [Go] elsewhere, [Guard] where others start them.
// TestGoroutinesAreGuarded in host holds them to it. What the runtime itself
// ends (no memory, two goroutines in one map) and goroutines of other people's
// code end as in any Go program: a dump, and exit code 2.
package crash

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ExitCode is the exit code of a daemon that met something that cannot be, and
// counts on being started again.
const ExitCode = 20

const (
	logTimeout = 900 * time.Millisecond // for the log, which may be a pipe that nobody reads
	maxCause   = 1 << 10                // bytes of what was panicked with, in the line
	maxStacks  = 1 << 20                // bytes of all goroutines' stacks
)

// ending is how this process ends; nil: as any Go program.
var ending atomic.Pointer[end]

type end struct {
	log    *slog.Logger
	stacks io.Writer
	once   sync.Once
}

// Arm makes a panic in a guarded goroutine of this process, from now on, end it
// with a line in the log, and the stack in the writer. Called again, it replaces
// both. Until it is called, panics are the runtime's: a command that a person
// looks at, and a test, show them whole.
func Arm(log *slog.Logger, stacks io.Writer) {
	ending.Store(&end{log: log, stacks: stacks})
	arm()
}

// Guard ends the process if the goroutine panics. It is to be deferred as it
// is, first of all: defer crash.Guard(). Panics with one of the given errors,
// which mean something to others, go on.
func Guard(except ...error) {
	e := ending.Load()
	if e == nil {
		return
	}
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok {
		for _, x := range except {
			if errors.Is(err, x) {
				panic(v)
			}
		}
	}
	e.end(fmt.Sprint(v), culprit(), false)
}

// Now ends the process as a panic with this cause would, with the stacks of all
// goroutines. Where nothing is armed, it panics.
func Now(cause string) {
	e := ending.Load()
	if e == nil {
		panic(cause)
	}
	pcs := make([]uintptr, 1)
	f, _ := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)]).Next()
	e.end(cause, place(f), true)
}

// Go starts a guarded goroutine. The caller has its own way of waiting for it.
func Go(f func()) {
	go func() {
		defer Guard()
		f()
	}()
}

// Group is a [sync.WaitGroup] whose goroutines are guarded.
type Group struct{ wg sync.WaitGroup }

// Go starts a goroutine of the group.
func (g *Group) Go(f func()) {
	g.wg.Go(func() {
		defer Guard()
		f()
	})
}

// Wait returns when all goroutines of the group have.
func (g *Group) Wait() { g.wg.Wait() }

// end ends the process, and does not return. Whoever comes second waits for that.
func (e *end) end(cause, at string, all bool) {
	e.once.Do(func() {
		time.AfterFunc(logTimeout, func() { os.Exit(ExitCode) })
		e.log.Error("daemon ends: a bug in it", "panic", oneLine(cause), "at", at)
		stacks := make([]byte, maxStacks)
		_, _ = e.stacks.Write(stacks[:runtime.Stack(stacks, all)]) // where it cannot be written, there is nothing left to do
		os.Exit(ExitCode)
	})
	select {}
}

// oneLine makes a cause fit for a line of a log.
func oneLine(cause string) string {
	return strings.Join(strings.Fields(cause[:min(len(cause), maxCause)]), " ")
}

// culprit names the function that panicked, and where. It is called while the
// panicking goroutine's stack still stands.
func culprit() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for panicked := false; ; {
		f, more := frames.Next()
		if panicked && !strings.HasPrefix(f.Function, "runtime.") || !more {
			return place(f)
		}
		panicked = panicked || f.Function == "runtime.gopanic"
	}
}

// place words a frame: nimbus.(*leader).tick (leader.go:12).
func place(f runtime.Frame) string {
	return fmt.Sprintf("%s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line)
}
