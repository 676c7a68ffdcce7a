// Package program runs programs for tests: it keeps what they write, waits for
// their words and their end, and leaves none behind.
package program

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Program is one that a test has started. Its methods fail the test when
// something does not come; any goroutine may call [Program.Output], and the
// others only that of the test.
type Program struct {
	// Fixed at the start.
	t        testing.TB
	cmd      *exec.Cmd
	patience time.Duration

	// Written by the goroutine that waits for it, before done is closed.
	done chan struct{} // closed when it has ended and all of its output is here
	code int           // 128 + N if it died of signal N
	took time.Duration

	// Guarded by mu.
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	changed        chan struct{} // closed and replaced when there is more output
}

// Start starts a command, whose outputs must not be set. Patience bounds every
// wait for it. At the end of the test it is killed if it has not ended, and
// the test fails if the race detector has spoken on its stderr.
func Start(t testing.TB, patience time.Duration, cmd *exec.Cmd) *Program {
	t.Helper()
	p := &Program{t: t, cmd: cmd, patience: patience, done: make(chan struct{}), changed: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &output{p, &p.stdout}, &output{p, &p.stderr}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // its state says more
		p.took = time.Since(began)
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if p.code = status.ExitStatus(); status.Signaled() {
			p.code = 128 + int(status.Signal())
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has usually ended
		<-p.done
		_, stderr := p.Output()
		if at := strings.Index(stderr, "WARNING: DATA RACE"); at >= 0 {
			t.Errorf("a race:\n%s", Ends(stderr[at:]))
		}
	})
	return p
}

// output is one of the program's outputs.
type output struct {
	p  *Program
	to *bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	close(o.p.changed)
	o.p.changed = make(chan struct{})
	return o.to.Write(data)
}

// Output returns what it has written so far.
func (p *Program) Output() (stdout, stderr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdout.String(), p.stderr.String()
}

// Until waits until stderr satisfies a condition.
func (p *Program) Until(what string, condition func(stderr string) bool) {
	p.t.Helper()
	timeout := time.After(p.patience)
	for {
		p.mu.Lock()
		text, changed := p.stderr.String(), p.changed
		p.mu.Unlock()
		if condition(text) {
			return
		}
		select {
		case <-changed:
		case <-p.done:
			if _, text := p.Output(); !condition(text) {
				p.t.Fatalf("it ended with exit code %d before %s; stderr:\n%s", p.code, what, Ends(text))
			}
			return
		case <-timeout:
			p.t.Fatalf("no %s in %s; stderr:\n%s", what, p.patience, Ends(text))
		}
	}
}

// Prints waits until a text stands on stderr.
func (p *Program) Prints(text string) {
	p.t.Helper()
	p.Until(fmt.Sprintf("%q on stderr", text), func(stderr string) bool { return strings.Contains(stderr, text) })
}

// Wait waits for the end and returns the exit code, which is 128 + N if it died
// of signal N.
func (p *Program) Wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(p.patience):
		stdout, stderr := p.Output()
		p.t.Fatalf("%s has not ended in %s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.cmd.Args, " "), p.patience, stdout, Ends(stderr))
	}
	return p.code
}

// Ended returns a channel that is closed when it has ended and all of its
// output is here.
func (p *Program) Ended() <-chan struct{} { return p.done }

// State returns what the system says of a program that has ended.
func (p *Program) State() *os.ProcessState { return p.cmd.ProcessState }

// Took returns how long a program that has ended ran.
func (p *Program) Took() time.Duration { return p.took }

// PID returns its number.
func (p *Program) PID() int { return p.cmd.Process.Pid }

// Signal sends it a signal.
func (p *Program) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Ends cuts the middle out of a long text, to show it where a test fails.
func Ends(s string) string {
	const keep = 3000
	if len(s) <= 2*keep {
		return s
	}
	return fmt.Sprintf("%s\n… %d bytes …\n%s", s[:keep], len(s)-2*keep, s[len(s)-keep:])
}

// Eventually polls a condition until it holds. It fails the test when it does
// not within the limit.
func Eventually(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in %s: %s", limit, what)
		}
	}
}
