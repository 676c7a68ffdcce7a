package program

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

func TestAProgramIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := Start(t, patience, exec.Command("sh", "-c", "echo out; echo first >&2; echo second >&2; exit 7"))
	p.Prints("first")
	if code := p.Wait(); code != 7 {
		t.Errorf("exit code %d", code)
	}
	if stdout, stderr := p.Output(); stdout != "out\n" || stderr != "first\nsecond\n" {
		t.Errorf("it wrote %q and %q", stdout, stderr)
	}
	p.Prints("second") // what stands there when it has ended counts
	if p.Took() <= 0 || p.State().Pid() != p.PID() {
		t.Errorf("process %d ran for %s; state of %d", p.PID(), p.Took(), p.State().Pid())
	}
}

func TestAProgramThatASignalEnds(t *testing.T) {
	t.Parallel()
	p := Start(t, patience, exec.Command("sh", "-c", "echo there >&2; exec cat /dev/zero >/dev/null"))
	p.Prints("there")
	p.Signal(syscall.SIGKILL)
	<-p.Ended()
	if code := p.Wait(); code != 128+int(syscall.SIGKILL) {
		t.Errorf("exit code %d", code)
	}
}

// recorder is a test that may fail: it keeps what it is failed with.
type recorder struct {
	testing.TB
	failure  string
	cleanups []func()
}

func (r *recorder) Helper()                           {}
func (r *recorder) Cleanup(f func())                  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) { r.failure += fmt.Sprintf(format, args...) }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }

// failure runs a test to its end, and returns what it was failed with.
func failure(t *testing.T, test func(testing.TB)) string {
	r := &recorder{TB: t}
	var wait sync.WaitGroup
	wait.Go(func() { test(r) })
	wait.Wait()
	for _, f := range r.cleanups {
		f()
	}
	return r.failure
}

func TestWhatFailsATest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, script, want string }{
		{"ends too early", "echo other >&2; exit 3", "it ended with exit code 3 before \"words\" on stderr; stderr:\nother"},
		{"stays silent", "exec cat", `no "words" on stderr in 1ms`},
		{"a race", "echo words >&2; echo WARNING: DATA RACE >&2", "a race:\nWARNING: DATA RACE"},
		{"nothing", "echo words >&2", ""},
	} {
		got := failure(t, func(t testing.TB) {
			cmd, limit := exec.Command("sh", "-c", c.script), patience
			if c.name == "stays silent" {
				stdin, err := cmd.StdinPipe() // it reads until the end of the test
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { stdin.Close() })
				limit = time.Millisecond
			}
			p := Start(t, limit, cmd)
			p.Prints("words")
			p.Wait()
		})
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: failed with %q", c.name, got)
		}
	}
}

func TestEventually(t *testing.T) {
	t.Parallel()
	n := 0
	Eventually(t, patience, "three calls", func() bool { n++; return n == 3 })
	if got := failure(t, func(t testing.TB) { Eventually(t, 0, "never", func() bool { return false }) }); got != "not in 0s: never" {
		t.Errorf("failed with %q", got)
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	if s := strings.Repeat("x", 6000); Ends(s) != s {
		t.Error("6000 bytes are shortened")
	}
	if got := Ends("a" + strings.Repeat("x", 7000) + "z"); len(got) > 6100 || got[0] != 'a' || !strings.HasSuffix(got, "z") || !strings.Contains(got, "1002 bytes") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
