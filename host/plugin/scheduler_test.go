package plugin

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/scheduler/schedulertest"
)

// TestMain is the plugins of the tests too: what they do is their argument.
func TestMain(m *testing.M) {
	if os.Getenv(handshake.MagicCookieKey) == handshake.MagicCookieValue {
		serveTest(os.Args[1])
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/polybolt/polybolt/host/plugin.serveThread"))
}

func serveTest(what string) {
	switch what {
	case "even":
		Serve(scheduler.Even)
	case "nonsense":
		Serve(func(p scheduler.Problem) scheduler.Answer {
			return scheduler.Answer{Slots: []scheduler.Slot{{Machine: "elsewhere", Number: 99}}, Tasks: make([]int, p.Tasks)}
		})
	case "exits":
		Serve(func(scheduler.Problem) scheduler.Answer { os.Exit(3); panic("not reached") })
	case "secret":
		Serve(func(p scheduler.Problem) scheduler.Answer {
			if os.Getenv("POLYBOLT_TEST_SECRET") != "" {
				os.Exit(4)
			}
			_, _ = os.Stderr.WriteString("a line of the plugin\n")
			return scheduler.Even(p)
		})
	case "mute": // it never shakes hands
		select {}
	}
}

// text collects a log.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *text) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *text) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), s)
}

func open(t *testing.T, mend func(*Options), command ...string) (*Scheduler, *text) {
	t.Helper()
	logged := &text{}
	o := DefaultOptions()
	o.Command, o.Log = command, slog.New(slog.NewTextHandler(logged, nil))
	o.Start, o.Answer = 30*time.Second, 20*time.Second // the machine may be busy
	if mend != nil {
		mend(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, logged
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// fails is what is logged when the built-in decides.
const fails = "the built-in scheduler decides"

var sample = scheduler.Problem{Tasks: 5, Workers: 2, Slots: []scheduler.Slot{{Machine: "a"}, {Machine: "a", Number: 1}, {Machine: "b"}}, Free: map[string]int{"a": 2, "b": 1}}

// The worked example passes the suite of all schedulers, in a process of its own.
func TestExample(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "example")
	if out, err := exec.Command("go", "build", "-o", bin, "./example").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, logged := open(t, nil, bin)
	schedulertest.Run(t, s.Schedule)
	a := s.Schedule(sample)
	for _, slot := range a.Slots {
		if slot.Machine != "a" {
			t.Errorf("it does not fill one machine first: %+v", a)
		}
	}
	if n := logged.count(fails); n != 0 {
		t.Errorf("it failed %d times:\n%s", n, logged.buf.String())
	}
	if logged.count("the scheduler plugin runs") != 1 {
		t.Error("it was started more than once, or never")
	}
}

// The built-in gives the same answers on both sides of a pipe.
func TestBuiltInBehindAPlugin(t *testing.T) {
	t.Parallel()
	s, logged := open(t, nil, self(t), "even")
	schedulertest.Run(t, func(p scheduler.Problem) scheduler.Answer {
		a := s.Schedule(p)
		if diff := cmp.Diff(scheduler.Even(p), a); diff != "" {
			t.Errorf("%+v\n%s", p, diff)
		}
		return a
	})
	if logged.count(fails) != 0 {
		t.Error(logged.buf.String())
	}
}

// Whatever a plugin does, there is an answer; the log says whose, once; and
// after its penance the plugin is tried again.
func TestPluginsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		command []string
		want    string
	}{
		"nonsense":      {[]string{self(t), "nonsense"}, "its answer is none: it uses slot 99 of elsewhere"},
		"exits":         {[]string{self(t), "exits"}, "Unavailable"},
		"mute":          {[]string{self(t), "mute"}, "it does not start"},
		"no plugin":     {[]string{"/bin/true"}, "it does not start"},
		"no such file":  {[]string{"/nonexistent/plugin"}, "no such file"},
		"another world": {[]string{"/bin/echo", "9|9|tcp|x|grpc"}, "it does not start"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, logged := open(t, func(o *Options) { o.Start = 2 * time.Second }, c.command...)
			for range 3 {
				if diff := cmp.Diff(scheduler.Even(sample), s.Schedule(sample)); diff != "" {
					t.Error(diff)
				}
			}
			if logged.count(fails) != 1 || logged.count(c.want) == 0 {
				t.Errorf("the log:\n%s", logged.buf.String())
			}
			s.mu.Lock()
			s.again = time.Time{} // the penance is over
			s.mu.Unlock()
			s.Schedule(sample)
			if logged.count(fails) != 2 {
				t.Errorf("it was not tried again:\n%s", logged.buf.String())
			}
		})
	}
}

// pid returns the process of the plugin.
func (s *Scheduler) pid(t *testing.T) int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		t.Fatal("it does not run")
	}
	return s.client.ReattachConfig().Pid
}

// A plugin that is killed, or stopped, between two questions costs one answer's
// time; it is back after its penance.
func TestPluginThatDiesOrHangs(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s, logged := open(t, nil, self(t), "even")
			s.Schedule(sample)
			pid := s.pid(t)
			s.mu.Lock()
			s.o.Answer = 500 * time.Millisecond
			s.mu.Unlock()
			if err := syscall.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
			// It may still give an answer before the signal reaches it.
			for deadline := time.Now().Add(20 * time.Second); logged.count(fails) == 0; {
				if diff := cmp.Diff(scheduler.Even(sample), s.Schedule(sample)); diff != "" || time.Now().After(deadline) {
					t.Fatalf("%s\n%s", diff, logged.buf.String())
				}
			}
			s.mu.Lock()
			s.o.Answer, s.again = 20*time.Second, time.Time{}
			s.mu.Unlock()
			s.Schedule(sample)
			if again := s.pid(t); again == pid || logged.count(fails) != 1 {
				t.Errorf("process %d, before %d\n%s", again, pid, logged.buf.String())
			}
			s.Close()
			if err := syscall.Kill(pid, 0); err == nil {
				t.Error("the process that hung is still there")
			}
		})
	}
}

// A plugin sees no secrets of ours, and what it writes is logged.
func TestEnvironmentAndOutput(t *testing.T) {
	t.Setenv("POLYBOLT_TEST_SECRET", "x")
	s, logged := open(t, nil, self(t), "secret")
	s.Schedule(sample)
	for deadline := time.Now().Add(20 * time.Second); logged.count("a line of the plugin") == 0; time.Sleep(5 * time.Millisecond) { // polls
		if time.Now().After(deadline) {
			t.Fatal(logged.buf.String())
		}
	}
	if logged.count(fails) != 0 {
		t.Error(logged.buf.String())
	}
	s.Close()
	if diff := cmp.Diff(scheduler.Even(sample), s.Schedule(sample)); diff != "" || logged.count("the scheduler plugin runs") != 1 {
		t.Errorf("after Close: %s", diff)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := New(DefaultOptions()); err == nil {
		t.Error("no command is enough")
	}
	if _, err := New(Options{Command: []string{"x"}}); err == nil {
		t.Error("no times are enough")
	}
}
