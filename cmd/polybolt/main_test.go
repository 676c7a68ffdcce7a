package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// binary is the program under test, as make builds it: what a test runs is
// what a user runs, guardian and signals included.
var binary string

// patience bounds everything that a test waits for. It is long because the
// machine may be busy with other packages' tests.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "polybolt-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "bin", "polybolt")
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		// The tests share a state folder, so that the SDKs are unpacked once.
		os.Setenv("POLYBOLT_HOME", filepath.Join(dir, "state"))
		os.Setenv("NO_COLOR", "1")
		if code := m.Run(); code != 0 {
			return code
		}
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}())
}

// repository returns a path below the repository's root.
func repository(path ...string) string {
	return filepath.Join(append([]string{"..", ".."}, path...)...)
}

// copyFolder copies the files of a folder, without what is installed there or
// made by a run, to a temporary one.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range filesOf(t, from) {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// filesOf lists the files of a folder that git would keep.
func filesOf(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"node_modules", "vendor", "__pycache__"}, entry.Name()) {
			return fs.SkipDir
		}
		if !entry.IsDir() {
			name, err := filepath.Rel(dir, path)
			names = append(names, name)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// process is a polybolt that runs, with what it has written so far.
type process struct {
	t   *testing.T
	cmd *exec.Cmd

	done chan struct{} // closed when it has ended and all of its output is here
	code int           // its exit code then, 128 + N if it died of signal N

	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	changed        chan struct{} // closed and replaced when there is more output
}

// start runs polybolt in dir. It is killed at the end of the test at the latest.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return startWith(t, dir, nil, args...)
}

// startWith is start with an environment other than that of the test.
func startWith(t *testing.T, dir string, environ []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), done: make(chan struct{}), changed: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, environ
	p.cmd.Stdout, p.cmd.Stderr = p.into(&p.stdout), p.into(&p.stderr)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // its state says more
		status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if p.code = status.ExitStatus(); status.Signaled() {
			p.code = 128 + int(status.Signal())
		}
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has usually ended
		<-p.done
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

// output returns what it has written to stdout and to stderr.
func (p *process) output() (stdout, stderr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdout.String(), p.stderr.String()
}

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
			if _, text := p.output(); !condition(text) {
				p.t.Fatalf("it ended with exit code %d before %s; stderr:\n%s", p.code, what, text)
			}
			return
		case <-timeout:
			p.t.Fatalf("no %s in %s; stderr:\n%s", what, patience, text)
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
		stdout, stderr := p.output()
		p.t.Fatalf("polybolt %s has not ended in %s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.cmd.Args[1:], " "), patience, stdout, stderr)
	}
	return p.code
}

// signal sends it a signal.
func (p *process) signal(s os.Signal) {
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

// command runs a program that is not polybolt, such as an installer.
func command(t *testing.T, dir string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
