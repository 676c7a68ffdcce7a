package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/sink"
)

// asker is a plugin of some kind, as its user sees it: try asks it something,
// and tells whether the plugin answered. What is to happen if it did not, it checks.
type asker struct {
	p   *program
	try func(t *testing.T) bool
}

// kindsOfAskers make an asker of each kind.
var kindsOfAskers = map[*kind]func(*testing.T, Options) asker{
	&schedulers: func(t *testing.T, o Options) asker {
		s, err := NewScheduler(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return asker{s.p, func(t *testing.T) bool {
			t.Helper()
			if diff := cmp.Diff(scheduler.Even(sample), s.Schedule(sample)); diff != "" { // whoever has answered
				t.Error(diff)
			}
			s.p.mu.Lock()
			defer s.p.mu.Unlock()
			return s.p.live != nil
		}}
	},
	&authorizers: func(t *testing.T, o Options) asker {
		a, err := NewAuthorizer(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		return asker{a.p, func(t *testing.T) bool {
			t.Helper()
			// An admin may look at everything, unless nobody may do anything.
			err := a.Authorize(t.Context(), api.Question{Role: api.Admin, Operation: "list", Needs: api.Viewer})
			var e *api.Error
			if errors.As(err, &e) {
				t.Errorf("what is no answer is a refusal: %v", err)
			}
			return err == nil
		}}
	},
	&sinks: func(t *testing.T, o Options) asker {
		s, err := NewSink(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return asker{s.p, func(t *testing.T) bool {
			return s.Take(t.Context(), &sink.Delivery{Events: []sink.Event{{ID: "1", Text: "x"}}}) == nil
		}}
	},
}

var sample = scheduler.Problem{Tasks: 5, Workers: 2, Slots: []scheduler.Slot{{Machine: "a"}, {Machine: "a", Number: 1}, {Machine: "b"}}, Free: map[string]int{"a": 2, "b": 1}}

// each runs a test for each kind.
func each(t *testing.T, f func(*testing.T, *kind, func(*testing.T, Options) asker)) {
	for k, open := range kindsOfAskers {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			f(t, k, open)
		})
	}
}

// A plugin that fails, in whatever way, is not asked again before it has
// rested; the log says once what happens meanwhile, and then it is tried anew.
func TestPluginsThatFail(t *testing.T) {
	t.Parallel()
	pinned := self(t) + "=" + strings.Repeat("0", 64)
	each(t, func(t *testing.T, k *kind, open func(*testing.T, Options) asker) {
		for name, c := range map[string]struct {
			command []string
			want    string
			mend    func(*Options)
		}{
			"exits":          {command: []string{self(t), "exits"}, want: "Unavailable"},
			"hangs":          {command: []string{self(t), "hangs"}, want: "it has not answered within 200ms", mend: func(o *Options) { o.Answer = 200 * time.Millisecond }},
			"mute":           {command: []string{self(t), "mute"}, want: "it does not start: timeout", mend: func(o *Options) { o.Start = 300 * time.Millisecond }},
			"no plugin":      {command: []string{"/bin/true"}, want: "it does not start"},
			"no such file":   {command: []string{"/nonexistent/plugin"}, want: "no such file"},
			"another world":  {command: []string{"/bin/echo", "9|9|tcp|x|grpc"}, want: "it does not start"},
			"wrong checksum": {command: []string{self(t), "even"}, want: "is not what it was: its SHA-256 is ", mend: func(o *Options) { o.Checksums = []string{pinned} }},
			"no checksum":    {command: []string{"/bin/true"}, want: "none of its files has a checksum", mend: func(o *Options) { o.Checksums = []string{pinned} }},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o, logged := patient(Options{Pause: time.Hour, MaxPause: 3 * time.Hour}, c.command...)
				if c.mend != nil {
					c.mend(&o)
				}
				a := open(t, o)
				for range 3 {
					if a.try(t) {
						t.Error("it has answered")
					}
				}
				if logged.count(k.fails) != 1 || logged.count(c.want) == 0 || logged.count("rests=1h0m0s") != 1 {
					t.Errorf("the log:\n%s", logged)
				}
				a.p.forgive()
				a.try(t)
				if logged.count(k.fails) != 2 || logged.count("rests=2h0m0s") != 1 {
					t.Errorf("it was not tried again, or not with more patience:\n%s", logged)
				}
			})
		}
	})
}

// A plugin that is killed while nobody asks costs no question; one that is
// stopped costs one, and is another process afterwards.
func TestPluginThatDiesOrHangs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, k *kind, open func(*testing.T, Options) asker) {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
			t.Run(sig.String(), func(t *testing.T) {
				t.Parallel()
				o, logged := patient(Options{Pause: time.Hour, MaxPause: time.Hour}, self(t), "even")
				a := open(t, o)
				if !a.try(t) {
					t.Fatalf("it does not answer:\n%s", logged)
				}
				pid := a.p.pid(t)
				if err := syscall.Kill(pid, sig); err != nil {
					t.Fatal(err)
				}
				if sig == syscall.SIGKILL {
					a.p.mu.Lock()
					client := a.p.live.client
					a.p.mu.Unlock()
					eventually(t, "its end is not noticed", client.Exited)
				} else {
					a.p.mu.Lock()
					a.p.o.Answer = 500 * time.Millisecond
					a.p.mu.Unlock()
					// It may still give an answer before the signal reaches it.
					eventually(t, "nothing happens when it hangs", func() bool { return !a.try(t) })
					a.p.mu.Lock()
					a.p.o.Answer = time.Minute
					a.p.mu.Unlock()
					a.p.forgive()
				}
				if !a.try(t) || a.p.pid(t) == pid || logged.count(k.fails) != 1 {
					t.Errorf("it is not back:\n%s", logged)
				}
				a.p.close()
				if err := syscall.Kill(pid, 0); err == nil {
					t.Error("the process that hung is still there")
				}
				if a.try(t) {
					t.Error("it answers after its end")
				}
			})
		}
	})
}

// An asker who goes away costs the plugin nothing, nor does an error that it tells of.
func TestPluginThatIsNotToBlame(t *testing.T) {
	t.Parallel()
	o, logged := patient(AuthorizerOptions(), self(t), "hangs")
	a, err := NewAuthorizer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if _, err := a.p.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid := a.p.pid(t)
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, enough)
	defer cancel()
	if err := a.Authorize(ctx, api.Question{}); !errors.Is(err, enough) || a.p.pid(t) != pid || logged.count(authorizers.fails) != 0 {
		t.Errorf("%v\n%s", err, logged)
	}

	o, logged = patient(SinkOptions(), self(t), "refuses")
	s, err := NewSink(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for range 2 {
		if err := s.Take(t.Context(), &sink.Delivery{}); err == nil || !strings.Contains(err.Error(), "the directory is closed") {
			t.Error(err)
		}
	}
	if logged.count(sinks.fails) != 0 || logged.count("plugin runs") != 1 {
		t.Error(logged)
	}
}

// A plugin sees no secrets of ours, and what it writes is logged.
func TestEnvironmentAndOutput(t *testing.T) {
	t.Setenv("POLYBOLT_TEST_SECRET", "x")
	for k, open := range kindsOfAskers {
		o, logged := patient(Options{Pause: time.Hour, MaxPause: time.Hour}, self(t), "secret")
		a := open(t, o)
		if !a.try(t) {
			t.Errorf("%s: it does not answer:\n%s", k.name, logged)
		}
		eventually(t, "what it writes is not logged", func() bool { return logged.count("a line of the plugin") > 0 })
	}
}

// The right checksums let a plugin start: that of the program, or of what its
// interpreter is to run. A file that is changed is noticed at the next start.
func TestChecksums(t *testing.T) {
	t.Parallel()
	sum, err := checksum(self(t))
	if err != nil {
		t.Fatal(err)
	}
	o, logged := patient(SchedulerOptions(), self(t), "even")
	o.Checksums = []string{self(t) + "=" + strings.ToUpper(sum), "/etc/others=" + strings.Repeat("a", 64)}
	s, err := NewScheduler(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Schedule(sample)
	if logged.count("the scheduler plugin runs") != 1 {
		t.Error(logged)
	}

	script := filepath.Join(t.TempDir(), "a=b.mjs")
	if err := os.WriteFile(script, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if sum, err = checksum(script); err != nil {
		t.Fatal(err)
	}
	p, err := parsePins([]string{script + "=" + sum})
	if err != nil {
		t.Fatal(err)
	}
	command := []string{"sh", "-x", script, "argument"}
	if err := p.verify(command); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(script, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.verify(command); err == nil || !strings.Contains(err.Error(), script) || !strings.Contains(err.Error(), sum) {
		t.Errorf("the file was changed: %v", err)
	}
	for _, bad := range []string{"", "x", "=" + sum, "x=", "x=abc", "x=" + sum + "0", sum} {
		if _, err := parsePins([]string{bad}); err == nil || !strings.Contains(err.Error(), "FILE=SHA256") {
			t.Errorf("%q is a checksum: %v", bad, err)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, mend := range map[string]func(*Options){
		"no command":   func(o *Options) { o.Command = nil },
		"empty":        func(o *Options) { o.Command = []string{""} },
		"no times":     func(o *Options) { o.Start = 0 },
		"no log":       func(o *Options) { o.Log = nil },
		"short pause":  func(o *Options) { o.MaxPause = o.Pause - 1 },
		"bad checksum": func(o *Options) { o.Checksums = []string{"x"} },
	} {
		o, _ := patient(AuthorizerOptions(), "x")
		mend(&o)
		if _, err := NewAuthorizer(o); err == nil {
			t.Errorf("%s: that is enough", name)
		}
	}
	o := Options{Pause: time.Second, MaxPause: 10 * time.Second}
	var got []time.Duration
	for n := range 6 {
		got = append(got, o.pause(n+1))
	}
	if fmt.Sprint(got) != "[1s 2s 4s 8s 10s 10s]" {
		t.Errorf("it rests for %v", got)
	}
}
