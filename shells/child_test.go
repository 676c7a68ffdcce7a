package shells

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// childPrograms are what the test binary can be as a child.
var childPrograms = map[string]func(){
	"cat": func() { io.Copy(os.Stdout, os.Stdin) },
}

// quickExit is the setting without which a program built with -race sleeps a
// second before it exits.
var quickExit = [2]string{"GORACE", "atexit_sleep_ms=0"}

// probe collects what the handlers of a child are told.
type probe struct {
	mu     sync.Mutex
	out    bytes.Buffer
	lines  []string
	exit   Exit
	exited int
}

func (p *probe) spec(t *testing.T, command ...string) Spec {
	return Spec{
		Name:    t.Name() + "/bolt[0]",
		Command: command,
		Dir:     t.TempDir(),
		Output: func(b []byte) (int, int, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.out.Write(b)
			return len(b), 0, nil
		},
		StderrLine: func(line []byte) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.lines = append(p.lines, string(line))
		},
		Exited: func(e Exit) { p.exit = e; p.exited++ },
	}
}

// self makes spec run this test binary as one of childPrograms.
func self(spec Spec, program string, args ...string) Spec {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	spec.Command = append([]string{exe}, args...)
	spec.Env = map[string]string{"SHELLS_TEST_CHILD": program, quickExit[0]: quickExit[1]}
	return spec
}

func start(t *testing.T, spec Spec) *Child {
	t.Helper()
	c, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Kill(nil); waitFor(t, c.Done(), "the end of "+spec.Name) })
	return c
}

// testWorker is a command that runs this test binary as one of childPrograms.
func testWorker(program string) *exec.Cmd {
	cmd := exec.Command(ownProgram())
	cmd.Env = append(os.Environ(), "SHELLS_TEST_CHILD="+program, strings.Join(quickExit[:], "="))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// collect returns a handler that sends the numbers which a child prints, one a line.
func collect(t *testing.T) (handler func([]byte) (int, int, error), next func() int) {
	numbers := make(chan int, 100)
	return func(b []byte) (int, int, error) {
			i := bytes.LastIndexByte(b, '\n') + 1
			for _, word := range strings.Fields(string(b[:i])) {
				n, err := strconv.Atoi(word)
				if err != nil {
					return 0, 0, err
				}
				numbers <- n
			}
			return i, 0, nil
		}, func() int {
			t.Helper()
			select {
			case n := <-numbers:
				return n
			case <-time.After(20 * time.Second):
				t.Fatal("waited 20 s for a number from the child")
				return 0
			}
		}
}

// waitFor waits for a channel, but not for ever.
func waitFor(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("waited 20 s for %s", what)
	}
}

func TestExitsAreTold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script string
		code         int
		signal       string
	}{
		{"zero", "exit 0", 0, ""},
		{"one", "exit 1", 1, ""},
		{"signal", "kill -KILL $$", -1, "SIGKILL"},
		{"segv", "kill -SEGV $$", -1, "SIGSEGV"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var p probe
			c := start(t, p.spec(t, "sh", "-c", "echo out; echo err >&2; "+test.script))
			waitFor(t, c.Done(), "the exit")
			if p.exited != 1 || p.exit.Code != test.code || p.exit.Signal != test.signal || p.exit.Err != nil {
				t.Errorf("told %d times of %+v", p.exited, p.exit)
			}
			if p.out.String() != "out\n" || string(p.exit.Stderr) != "err\n" {
				t.Errorf("stdout %q, stderr %q", p.out.String(), p.exit.Stderr)
			}
		})
	}
}

func TestWriteReachesTheChildInOrder(t *testing.T) {
	t.Parallel()
	var p probe
	c := start(t, self(p.spec(t), "cat"))
	want := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB: more than any pipe
	for i := 0; i < len(want); i += 1000 {
		c.Write([]byte(want[i:min(i+1000, len(want))]))
	}
	c.CloseInput()
	waitFor(t, c.Done(), "the exit")
	if p.out.String() != want {
		t.Errorf("%d bytes came back, %d were sent, or they differ", p.out.Len(), len(want))
	}
	if !p.exit.Clean() {
		t.Error(p.exit.String())
	}
}

func TestKill(t *testing.T) {
	t.Parallel()
	var p probe
	c := start(t, p.spec(t, "sleep", "100"))
	why := syscall.EDOM
	c.Kill(why)
	c.Kill(syscall.ERANGE)
	waitFor(t, c.Done(), "the exit")
	if p.exit.Err != why || p.exit.Signal != "SIGKILL" {
		t.Error(p.exit.String())
	}
}

// Who ends a child that is dead already has not ended it; what is wrong with
// its last words is still told.
func TestBlameAfterDeath(t *testing.T) {
	t.Parallel()
	var p probe
	spec := p.spec(t, "sh", "-c", "printf junk; exit 2")
	var c *Child
	ready := make(chan struct{})
	spec.Output = func([]byte) (int, int, error) {
		<-ready
		<-c.Dead()
		c.Kill(syscall.EDOM)
		return 0, 0, syscall.ERANGE
	}
	c = start(t, spec)
	close(ready)
	waitFor(t, c.Done(), "the exit")
	if p.exit.Err != syscall.ERANGE || p.exit.Code != 2 {
		t.Error(p.exit.String())
	}
}
