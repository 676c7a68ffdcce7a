package host

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/topology/flux"
	"github.com/polybolt/polybolt/host/worker"
	"github.com/polybolt/polybolt/multilang/storm/stormtest"
)

// These tests run components that were written for Storm, on the real libraries.

// patience is how long a run may take on a machine that others use, too.
const patience = 3 * time.Minute

// ear is an observer that remembers, and drains the run once somebody says a word.
type ear struct {
	mu     sync.Mutex
	lines  []string
	errors []string
	until  string
	heard  func()
}

func (e *ear) Line(l worker.Line) {
	text := fmt.Sprintf("%s: %s", l.Component, l.Text)
	e.mu.Lock()
	e.lines = append(e.lines, text)
	hit := e.until != "" && strings.Contains(text, e.until)
	e.mu.Unlock()
	if hit {
		e.heard()
	}
}

func (e *ear) Failure(f worker.Failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.errors = append(e.errors, fmt.Sprintf("%s: %s: %s", f.Component, f.Type, f.Message))
}

func (e *ear) State(worker.TaskState) {}

// said returns the lines of a component that hold a text.
func (e *ear) said(text string) (out []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.lines {
		if strings.Contains(l, text) {
			out = append(out, l)
		}
	}
	return out
}

// bundle makes a folder with components of testdata/storm and libraries.
func bundle(t *testing.T, topology string, libraries ...string) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob("testdata/storm/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range libraries {
		lib, err := stormtest.Library(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, lib)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, TopologyFile), []byte(topology), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// listen runs a topology until its spout says that all is done.
func listen(t *testing.T, dir, until string, o flux.Options) (*ear, worker.Summary) {
	t.Helper()
	t.Setenv("POLYBOLT_HOME", t.TempDir())
	b, err := OpenBundleWith(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{until: until}
	l, err := NewLocal(LocalOptions{Bundle: b, Scratch: t.TempDir(), Observer: e, DeadFile: filepath.Join(t.TempDir(), "dead.jsonl"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	e.heard = l.Drain
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatalf("%v\n%s\n%s", err, strings.Join(e.lines, "\n"), strings.Join(e.errors, "\n"))
	}
	return e, l.Summary()
}

// checkCounts compares what the counter said with 300 sentences "a bé N".
func checkCounts(t *testing.T, e *ear, early bool) {
	t.Helper()
	want := []string{"count a=300", "count b\u00e9=300"}
	for n := range 300 {
		want = append(want, fmt.Sprintf("count %d=1", n))
	}
	if early {
		want = append(want, "count early=1", "count bird=1")
	}
	var got []string
	for _, l := range e.said(": count ") {
		got = append(got, l[strings.Index(l, ": count ")+2:])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("counted %d words, want %d: %q", len(got), len(want), got)
	}
}

func need(t *testing.T, program, how string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed: %s", program, how)
	}
}

const wordCount = `name: words
spouts:
  sentences: {command: [%[1]s, sentences.%[2]s], protocol: storm-json, output: [sentence], config: {mine: [1, x]}}
bolts:
  split: {command: [%[1]s, split.%[2]s], protocol: storm-json, inputs: [sentences], output: [word], parallelism: 2}
  count: {command: [python3, count.py], inputs: [{from: split, group: {fields: [word]}}]}
`

func TestStormsLibraries(t *testing.T) {
	for _, c := range []struct {
		interpreter, ext string
		early            bool
	}{{"python3", "py", true}, {"node", "js", false}, {"ruby", "rb", true}} {
		t.Run(c.ext, func(t *testing.T) {
			need(t, c.interpreter, "apt-get install "+c.interpreter)
			dir := bundle(t, fmt.Sprintf(wordCount, c.interpreter, c.ext), "storm."+c.ext)
			e, sum := listen(t, dir, "all acked", flux.Options{})
			checkCounts(t, e, c.early)
			// Each of 30 sentences fails in the task that it comes to first; its replay may come to the other one.
			if sum.Acked != 300 || sum.Failed < 30 || sum.Failed > 60 || sum.Dead != 0 {
				t.Errorf("summary %+v", sum)
			}
			if got := e.said("all acked"); len(got) != 1 || got[0] != fmt.Sprintf("sentences: all acked, %d failed", sum.Failed) {
				t.Errorf("the spout said %q, and %d failed", got, sum.Failed)
			}
			if len(e.said("another type")) > 0 || len(e.said("stdout")) > 0 {
				t.Errorf("lines %q", e.lines)
			}
		})
	}
}

// Where the task depends on the tuple, the emit is answered once it is routed.
func TestStormsTaskIdsOfSeveralTasks(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(wordCount, "python3", "py"), "  count: {", "  count: {parallelism: 2, ", 1)
	e, sum := listen(t, bundle(t, text, "storm.py"), "all acked", flux.Options{})
	checkCounts(t, e, true)
	if sum.Acked != 300 || sum.Failed < 30 || sum.Failed > 60 || sum.Dead != 0 {
		t.Errorf("summary %+v", sum)
	}
}

// Without storm.py or storm.js in any of Storm's places the same components
// run on ours, also if nobody says which protocol they speak.
func TestStormsInterfacesOfOurs(t *testing.T) {
	for _, c := range []struct{ interpreter, ext, protocol string }{
		{"python3", "py", "storm-json"}, {"node", "js", "storm-json"}, {"python3", "py", "auto"}, {"node", "js", "auto"},
	} {
		t.Run(c.ext+"-"+c.protocol, func(t *testing.T) {
			need(t, c.interpreter, "")
			text := strings.ReplaceAll(fmt.Sprintf(wordCount, c.interpreter, c.ext), "storm-json", c.protocol)
			dir := bundle(t, text)
			if c.ext == "py" { // whoever wants task ids has to say so
				edit(t, filepath.Join(dir, "split.py"), "storm.emit([word])", "storm.emit([word], need_task_ids=True)")
			}
			e, sum := listen(t, dir, "all acked", flux.Options{})
			checkCounts(t, e, c.ext == "py")
			if sum.Failed < 30 || sum.Dead != 0 {
				t.Errorf("summary %+v", sum)
			}
			if len(e.said("gets Polybolt's module")) != 3 {
				t.Errorf("nobody was told of the module: %q", e.lines)
			}
		})
	}
}

func edit(t *testing.T, file, old, replacement string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil && !strings.Contains(string(data), old) {
		err = fmt.Errorf("no %q in %s", old, file)
	}
	if err == nil {
		err = os.WriteFile(file, []byte(strings.ReplaceAll(string(data), old, replacement)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestPystorm(t *testing.T) {
	path, err := stormtest.PystormPath(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"json", "msgpack"} {
		t.Run(form, func(t *testing.T) {
			dir := bundle(t, fmt.Sprintf(`name: words
spouts:
  sentences: {command: [python3, pysentences.py, %[1]s], protocol: storm-%[1]s, output: [sentence], env: {PYTHONPATH: %[2]q}}
bolts:
  split: {command: [python3, pysplit.py, %[1]s], protocol: storm-%[1]s, inputs: [sentences], output: [word], env: {PYTHONPATH: %[2]q}}
  group: {command: [python3, pycount.py, %[1]s], protocol: storm-%[1]s, tick: 200ms, inputs: [{from: split, group: {fields: [word]}}], output: [word, n], env: {PYTHONPATH: %[2]q}}
  sum: {command: [python3, sum.py], inputs: [group]}
`, form, path))
			e, sum := listen(t, dir, "all acked", flux.Options{})
			checkCounts(t, e, false)
			if sum.Acked != 300 || sum.Failed != 30 || sum.Dead != 0 {
				t.Errorf("summary %+v", sum)
			}
			if len(e.said("on stdout, which pystorm makes a log line")) == 0 {
				t.Error("a print is gone")
			}
			if len(e.errors) == 0 || !strings.Contains(e.errors[0], "ValueError: no sevens yet") {
				t.Errorf("errors %q", e.errors)
			}
		})
	}
}

// A print is told as what it is; a crash, a hang and a megabyte on stderr
// cost what was in the child, and nobody else's process.
func TestAccidentsOfAClassicComponent(t *testing.T) {
	marks := t.TempDir()
	dir := bundle(t, fmt.Sprintf(`name: accidents
config: {heartbeat_timeout: 2s, process_timeout: 3s, message_timeout: 60s}
spouts:
  sentences: {command: [python3, sentences.py], protocol: storm-json, output: [sentence], config: {mine: [1, x]}}
bolts:
  accidents: {command: [python3, accidents.py], protocol: storm-json, inputs: [sentences], output: [word], env: {MARKS: %q, SLEEPS: "1"}}
  count: {command: [python3, count.py], inputs: [{from: accidents, group: {fields: [word]}}]}
`, marks), "storm.py")
	e, sum := listen(t, dir, "all acked", flux.Options{})
	if sum.Acked != 300 || sum.Dead != 0 || sum.Failed == 0 {
		t.Errorf("summary %+v", sum)
	}
	if got := e.said("a word on stdout"); len(got) != 2 || got[0] != "accidents: a word on stdout" && got[1] != "accidents: a word on stdout" {
		t.Errorf("of the print, %q was told", got)
	}
	stderr := 0
	for _, l := range e.said("xxxxxxxx") {
		stderr += strings.Count(l, "x")
	}
	if stderr < 1<<16 {
		t.Errorf("%d bytes of stderr were told", stderr)
	}
	restarts := map[string]int{}
	for _, x := range e.errors {
		name, _, _ := strings.Cut(x, ":")
		restarts[name]++
	}
	if restarts["accidents"] < 3 || restarts["sentences"] > 0 || restarts["count"] > 0 {
		t.Errorf("errors %q", e.errors)
	}
}

// A Flux file with a Node spout, a Python bolt, Java's counter and logger,
// includes and substitution.
func TestFluxFile(t *testing.T) {
	dir := bundle(t, `name: ${name}
includes: [{resource: true, file: /common.yaml}]
spouts:
  - id: sentences
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs: [[node, sentences.js], [sentence]]
bolts:
  - id: split
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[python3, "${ENV-SCRIPT}"]]
    configMethods: [{name: setDefaultStream, args: [[word]]}]
    parallelism: ${par}
  - {id: count, className: org.apache.storm.testing.TestWordCounter}
streams:
  - {from: sentences, to: split, grouping: {type: SHUFFLE}}
  - {from: split, to: count, grouping: {type: FIELDS, args: [word]}}
  - {from: count, to: log, grouping: {type: SHUFFLE}}
`, "storm.py", "storm.js")
	for _, name := range []string{"storm.py", "storm.js", "split.py", "sentences.js"} { // where Storm has them
		if err := os.MkdirAll(filepath.Join(dir, "resources"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, "resources", name)); err != nil {
			t.Fatal(err)
		}
	}
	common := "bolts: [{id: log, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt}]\n"
	if err := os.WriteFile(filepath.Join(dir, "common.yaml"), []byte(common), 0o600); err != nil {
		t.Fatal(err)
	}
	e, sum := listen(t, dir, "all acked", flux.Options{Values: map[string]string{"name": "flux", "par": "2"}, Environ: map[string]string{"SCRIPT": "split.py"}})
	if sum.Acked != 300 || sum.Dead != 0 {
		t.Errorf("summary %+v", sum)
	}
	if len(e.said("log: ['a', 300]")) != 1 || len(e.said("log: ['299', 1]")) != 1 {
		t.Errorf("the log has %d lines, and not the last count", len(e.said("log: ")))
	}
}
