package worker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

const childVariable = "POLYBOLT_TEST_COMPONENT"

func TestMain(m *testing.M) {
	multilangtest.Main(childVariable, testComponents)
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/polybolt/polybolt/shells.forkThread")) // one for the whole process, on purpose
}

// recorder is an observer that remembers.
type recorder struct {
	t        *testing.T
	mu       sync.Mutex
	lines    []Line
	failures []Failure
	states   []TaskState
}

func (r *recorder) Line(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l)
}

func (r *recorder) Failure(f Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, f)
}

func (r *recorder) State(s TaskState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, s)
}

// fixture is a worker on a topology whose components are the test binary.
type fixture struct {
	*Worker
	t      *testing.T
	dir    string
	seen   *recorder
	dead   *bytes.Buffer
	result chan error
}

// newFixture loads a topology; in it, `component: NAME` stands for a command
// that runs a test component.
func newFixture(t *testing.T, text string, change ...func(*Options)) *fixture {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if at := strings.Index(l, "component: "); at >= 0 {
			name := strings.TrimSpace(l[at+len("component: "):])
			// GORACE: a program built with -race sleeps a second before it exits otherwise, which is more than some tests let it.
			lines[i] = fmt.Sprintf("%scommand: [%q]\n%senv: {%s: %s, TEST_OUT: %q, GORACE: atexit_sleep_ms=0}", l[:at], exe, l[:at], childVariable, name, dir)
		}
	}
	top, err := topology.Load("topology.yaml", []byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, dir: dir, seen: &recorder{t: t}, dead: new(bytes.Buffer), result: make(chan error, 1)}
	opts := Options{Topology: top, Bundle: dir, Scratch: filepath.Join(dir, "scratch"), Finite: true, Observer: f.seen,
		Dead: NewJSONLines(f.dead), Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, c := range change {
		c(&opts)
	}
	if f.Worker, err = New(opts); err != nil {
		t.Fatal(err)
	}
	return f
}

// run runs the worker to its end.
func (f *fixture) run() Summary {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := f.Run(ctx); err != nil {
		f.t.Fatalf("%v\n%+v\n%v", err, f.Snapshot(), f.seen.failures)
	}
	return f.Summary()
}

// out reads a file that a test component wrote.
func (f *fixture) out(name string) []string {
	f.t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Fields(string(b))
}
