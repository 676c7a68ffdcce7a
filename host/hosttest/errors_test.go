package hosttest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

const (
	// faulty fails in the way that a file names.
	faulty = `
import os

from polybolt import bolt


@bolt
def work(line, conf):
    how = ""
    if os.path.exists(conf["fault"]):
        with open(conf["fault"]) as f:
            how = f.read()
    if how == "exit":
        os._exit(3)
    if how:
        raise {"KeyError": KeyError, "ValueError": ValueError}[how]("%d characters" % len(line))


work.run()
`
	faultyTopology = `
name: faulty
spouts:
  lines: {command: [python3, lines.py], config: {path: text.txt, every: 0.02}, output: [line]}
bolts:
  a: {command: [python3, work.py], inputs: [lines], config: {fault: "DIR/a"}}
  b: {command: [python3, work.py], inputs: [lines], config: {fault: "DIR/b"}}
`
)

// switches are those of a faulty topology.
type switches struct {
	t   *testing.T
	c   *Cluster
	dir string
}

// cause makes a component fail from now on, or no more if how is empty.
func (f *switches) cause(component, how string) {
	f.t.Helper()
	WriteFile(f.t, f.dir, component+".new", how)
	if err := os.Rename(filepath.Join(f.dir, component+".new"), filepath.Join(f.dir, component)); err != nil {
		f.t.Fatal(err)
	}
}

// told returns an error of a component, of a type, in a run that was something; nil if none is told.
func (f *switches) told(component topology.ComponentID, was api.RunState, typ string) *api.Failure {
	f.t.Helper()
	list, err := f.c.API.Errors(f.t.Context(), "faulty")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range list {
		for i := range e.Errors {
			if x := &e.Errors[i]; e.Component == component && e.Was == was && x.Type == typ {
				return x
			}
		}
	}
	return nil
}

func (f *switches) eventually(component topology.ComponentID, was api.RunState, typ string, ok func(*api.Failure) bool) {
	f.t.Helper()
	Eventually(f.t, fmt.Sprintf("a %s of %s is told, %s", typ, component, was), func() bool {
		x := f.told(component, was, typ)
		return x != nil && ok(x)
	})
}

// startFaulty starts a cluster whose workers write errors once in ten hours, and a
// faulty topology on it, which runs in one worker.
func startFaulty(t *testing.T) (f *switches, dir string) {
	t.Helper()
	c := Start(t, Config{ZooKeeper: zookeeper, Flags: func(int) []string { return []string{"--errors-every", "10h"} }})
	dir = EndlessWordCount(t)
	f = &switches{t, c, t.TempDir()}
	WriteFile(t, dir, "work.py", faulty)
	WriteFile(t, dir, "topology.yaml", strings.ReplaceAll(faultyTopology, "DIR", f.dir))
	c.MustCLI(t, "deploy", dir)
	return f, dir
}

// anything is for what only has to be there.
func anything(*api.Failure) bool { return true }

// whole fails the test if what is told of an error is not of one and the same.
func (f *switches) whole(x *api.Failure) bool {
	f.t.Helper()
	list := []api.Occurrence{x.Occurrence}
	if x.First != nil {
		list = append(list, *x.First)
	}
	for _, o := range list {
		var tuple struct{ Line string }
		err := json.Unmarshal([]byte(o.Tuple), &tuple)
		what := fmt.Sprintf("%d characters", utf8.RuneCountInString(tuple.Line))
		if err != nil || !strings.Contains(o.Message, what) || !strings.Contains(o.Traceback, what) || !strings.Contains(o.Traceback, "work.py") || o.Worker == "" {
			f.t.Errorf("what is told does not belong together: %+v", o)
		}
	}
	return true
}

// repeated tells whether the last error of a kind is not the first.
func repeated(x *api.Failure) bool {
	return x.Count >= 2 && x.First != nil && x.Time.After(x.First.Time)
}

// Errors are told by the worker that has them: what ZooKeeper does not have is
// told all the same, of each component, of each kind, and of a crash loop.
func TestErrorsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	f, _ := startFaulty(t)
	records, _ := f.c.daemonView(t)
	place := f.c.placeOf(t, "faulty")
	written := func() (types []string) {
		list, _, err := records.Failures(t.Context(), cluster.RunID{Topology: "faulty", Number: 1}, place)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			for _, x := range l.List {
				types = append(types, string(l.Component)+" "+x.Type)
			}
		}
		return types
	}
	f.cause("a", "KeyError")
	f.eventually("a", api.Serves, "KeyError", f.whole)
	Eventually(t, "the first error is written", func() bool { return len(written()) == 1 })
	f.cause("a", "ValueError")
	f.eventually("a", api.Serves, "ValueError", f.whole)
	f.eventually("a", api.Serves, "ValueError", func(x *api.Failure) bool { return repeated(x) && f.whole(x) })
	f.cause("b", "KeyError")
	f.eventually("b", api.Serves, "KeyError", f.whole)
	f.cause("a", "exit")
	f.eventually("a", api.Serves, "exit code 3", func(x *api.Failure) bool { return repeated(x) && strings.Contains(x.First.Tuple, "line") })
	if got := written(); slices.Contains(got, "a ValueError") || slices.Contains(got, "a exit code 3") {
		t.Errorf("ZooKeeper has %q, so this shows nothing", got)
	}
	if first := f.firstKind("a"); first != "KeyError" {
		t.Errorf("it is told that it began with a %s", first)
	}
	status := f.c.MustCLI(t, "status", "faulty")
	if !strings.Contains(status, "last error, ") || !strings.Contains(status, "polybolt errors faulty") || !strings.Contains(status, "ago: KeyError: ") {
		t.Errorf("status says:\n%s", status)
	}
	f.c.MustCLI(t, "kill", "faulty", "--wait", "0s")
}

// A deploy that fails leaves its errors, and so does a run that is replaced:
// for that workers write what they know when they end. A kill takes them.
func TestErrorsOfRunsThatAreOver(t *testing.T) {
	t.Parallel()
	f, dir := startFaulty(t)
	for _, how := range []string{"KeyError", "ValueError"} {
		f.cause("a", how)
		f.eventually("a", api.Serves, how, f.whole)
	}
	f.cause("a", "")
	mentions := func(x *api.Failure) bool { return strings.Contains(x.Traceback, "nowhere_to_be_found") }
	broken := func() {
		t.Helper()
		WriteFile(t, dir, "work.py", "import nowhere_to_be_found\n")
		if out, code := f.c.CLI(t, "deploy", dir); code == 0 {
			t.Errorf("it is deployed:\n%s", out)
		}
		f.eventually("a", api.GivenUp, "exit code 1", mentions)
	}
	broken()
	if f.told("a", api.Serves, "ValueError") == nil {
		t.Error("the errors of the run that serves are gone")
	}
	f.c.MustCLI(t, "rebalance", "faulty", "--parallelism", "b=2")
	f.eventually("a", api.Replaced, "KeyError", f.whole)
	f.eventually("a", api.Replaced, "ValueError", f.whole)
	f.eventually("a", api.GivenUp, "exit code 1", anything)
	if out := f.c.MustCLI(t, "errors", "faulty"); !strings.Contains(out, "a (run 2, version 2, given up): ") || !strings.Contains(out, "a (run 1, version 1, replaced): ") || !strings.Contains(out, "the first of them:") {
		t.Errorf("errors says:\n%s", out)
	}
	f.c.MustCLI(t, "kill", "faulty", "--wait", "0s")
	broken() // where nothing has ever served
	if f.told("a", api.Replaced, "ValueError") != nil {
		t.Error("the errors of a topology that was killed are told of the next one of its name")
	}
	if status := f.c.MustCLI(t, "status", "faulty"); !strings.Contains(status, "nowhere_to_be_found") || !strings.Contains(status, "given up") {
		t.Errorf("status says:\n%s", status)
	}
	f.c.MustCLI(t, "kill", "faulty", "--wait", "0s")
}

// firstKind is the type of the error that a component had first.
func (f *switches) firstKind(component topology.ComponentID) string {
	f.t.Helper()
	list, err := f.c.API.Errors(f.t.Context(), "faulty")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range list {
		if e.Component == component && len(e.Errors) > 0 {
			return e.Errors[0].Type
		}
	}
	return ""
}

// placeOf returns the place of a topology's only worker.
func (c *Cluster) placeOf(t testing.TB, name topology.Name) cluster.Place {
	t.Helper()
	s, err := c.API.Status(t.Context(), name)
	if err != nil || len(s.WorkerList) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	var p cluster.Place
	if err := p.UnmarshalText([]byte(s.WorkerList[0].Place)); err != nil {
		t.Fatal(err)
	}
	return p
}
