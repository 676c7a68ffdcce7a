package plugin

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/sink"
)

// TestMain is the plugins of the tests too: what they do is their argument.
func TestMain(m *testing.M) {
	if kind := os.Getenv("POLYBOLT_PLUGIN"); kind != "" {
		serveTest(kind, os.Args[1:])
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/polybolt/polybolt/host/plugin.serveThread"))
}

func serveTest(kind string, args []string) {
	what := args[0]
	act := func() error {
		switch what {
		case "exits":
			os.Exit(3)
		case "hangs":
			select {}
		case "refuses": // it lives, and has no answer
			return errors.New("the directory is closed")
		case "secret":
			if os.Getenv("POLYBOLT_TEST_SECRET") != "" {
				os.Exit(4)
			}
			_, _ = os.Stderr.WriteString("a line of the plugin\n")
		}
		return nil
	}
	switch {
	case what == "mute": // it never shakes hands
		select {}
	case what == "late": // not before there is a file
		for !exists(args[1]) {
			time.Sleep(5 * time.Millisecond) // polls
		}
	}
	switch {
	case kind == "scheduler":
		ServeScheduler(func(p scheduler.Problem) scheduler.Answer {
			if what == "nonsense" {
				return scheduler.Answer{Slots: []scheduler.Slot{{Machine: "elsewhere", Number: 99}}, Tasks: make([]int, p.Tasks)}
			}
			_ = act() // it has no errors
			return scheduler.Even(p)
		})
	case kind == "authorizer":
		ServeAuthorizer(acting{act})
	case kind == "sink":
		ServeSink(acting{act}.sink(args))
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// acting does something before it does what the built-in does.
type acting struct{ act func() error }

func (a acting) Authorize(ctx context.Context, q api.Question) error {
	if err := a.act(); err != nil {
		return err
	}
	return api.ByRole{}.Authorize(ctx, q)
}

func (a acting) sink(args []string) sink.Sink {
	s := &actingSink{act: a.act}
	if len(args) > 1 {
		s.to = sink.NewFile(args[1])
	}
	return s
}

type actingSink struct {
	act func() error
	to  sink.Sink
}

func (s *actingSink) Take(ctx context.Context, d *sink.Delivery) error {
	if err := s.act(); err != nil || s.to == nil {
		return err
	}
	return s.to.Take(ctx, d)
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

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *text) count(s string) int { return strings.Count(l.String(), s) }

// patient returns options for a machine that may be busy, and a log.
func patient(o Options, command ...string) (Options, *text) {
	logged := &text{}
	o.Command, o.Log = command, slog.New(slog.NewTextHandler(logged, nil))
	o.Start, o.Answer = time.Minute, time.Minute
	return o, logged
}

// eventually polls.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) { // polls
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// pid returns the process of the plugin.
func (p *program) pid(t *testing.T) int {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live == nil {
		t.Fatal("it does not run")
	}
	return p.live.process.Pid
}

// forgive ends the plugin's rest.
func (p *program) forgive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.again = time.Time{}
}
