package scenarios

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a polybolt that runs, with what it has written so far.
type process struct {
	t   *testing.T
	cmd *exec.Cmd

	done chan struct{} // closed when it has ended and all of its output is here
	code int           // its exit code then, 128 + N if it died of signal N
	took time.Duration

	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	changed        chan struct{} // closed and replaced when there is more output
}

// start runs polybolt in dir. It is killed at the end of the test at the latest.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), done: make(chan struct{}), changed: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = p.into(&p.stdout), p.into(&p.stderr)
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // its state says more
		p.took = time.Since(began)
		status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if p.code = status.ExitStatus(); status.Signaled() {
			p.code = 128 + int(status.Signal())
		}
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has usually ended
		<-p.done
		if at := strings.Index(p.err(), "WARNING: DATA RACE"); at >= 0 {
			t.Errorf("a race:\n%s", ends(p.err()[at:]))
		}
	})
	return p
}

// writerFunc is a function as an [io.Writer].
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func (p *process) into(b *bytes.Buffer) io.Writer {
	return writerFunc(func(data []byte) (int, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		close(p.changed)
		p.changed = make(chan struct{})
		return b.Write(data)
	})
}

// out returns what it has written to stdout, err what to stderr.
func (p *process) out() string { p.mu.Lock(); defer p.mu.Unlock(); return p.stdout.String() }
func (p *process) err() string { p.mu.Lock(); defer p.mu.Unlock(); return p.stderr.String() }

// until waits until stderr satisfies a condition.
func (p *process) until(what string, condition func(stderr string) bool) {
	p.t.Helper()
	timeout := time.After(patience)
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
			if text := p.err(); !condition(text) {
				p.t.Fatalf("it ended with exit code %d before %s; stderr:\n%s", p.code, what, ends(text))
			}
			return
		case <-timeout:
			p.t.Fatalf("no %s in %s; stderr:\n%s", what, patience, ends(text))
		}
	}
}

// prints waits until a text stands on stderr.
func (p *process) prints(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%q on stderr", text), func(stderr string) bool { return strings.Contains(stderr, text) })
}

// wait waits for the end and returns the exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("polybolt %s has not ended in %s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.cmd.Args[1:], " "), patience, p.out(), ends(p.err()))
	}
	return p.code
}

// exits waits for the end and checks the exit code.
func (p *process) exits(code int) {
	p.t.Helper()
	if got := p.wait(); got != code {
		p.t.Errorf("exit code %d, want %d; it wrote\n%s\n%s", got, code, p.out(), ends(p.err()))
	}
}

// says checks that texts stand on stderr. It is for a process that has ended.
func (p *process) says(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.err(), text) {
			p.t.Errorf("stderr lacks %q:\n%s", text, ends(p.err()))
		}
	}
}

// peak is the most memory, in bytes, that any process of the run had, its
// children and theirs included. It is for a run that has ended.
func (p *process) peak() int64 {
	n := p.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS != "darwin" {
		n *= 1024
	}
	return n
}

// signal sends it a signal.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// eventually polls a condition until it holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("not in %s: %s", patience, what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// ends cuts the middle out of a long text.
func ends(s string) string {
	const keep = 3000
	if len(s) <= 2*keep {
		return s
	}
	return fmt.Sprintf("%s\n… %d bytes …\n%s", s[:keep], len(s)-2*keep, s[len(s)-keep:])
}
