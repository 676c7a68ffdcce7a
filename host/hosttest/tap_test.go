package hosttest

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/api"
)

var errSeen = errors.New("seen")

// Tuples of an edge are shown, wherever they come from, also after a worker
// was killed, and a client that goes leaves nothing behind.
func TestTap(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2})
	c.MustCLI(t, "deploy", EndlessWordCount(t), "--set", "config.workers=2")
	out := c.MustCLI(t, "tap", "word-count", "split->count", "--where", `word == "the" or word == "The"`, "--limit", "3", "--fields", "word")
	if n := strings.Count(strings.ToLower(out), `{"word":"the"}`); n != 3 || !strings.Contains(out, " split[") || !strings.Contains(out, "3 shown") {
		t.Errorf("tap says:\n%s", out)
	}
	if out := c.MustCLI(t, "tap", "word-count", "lines", "--for", "1ms", "-o", "json"); !strings.Contains(out, `{"counts":{"passed":`) {
		t.Errorf("tap -o json says:\n%s", out)
	}
	for want, args := range map[string][]string{
		`column 6: = is no comparison`:                       {"split", "--where", "word = 1"},
		`no field "line": there are word`:                    {"split", "--where", "line == 1"},
		"count does not read from lines":                     {"lines->count"},
		"quote it, 'split->COMPONENT'":                       {"split-"},
		"--sample 200%":                                      {"split", "--sample", "200%"},
		`"split->" is no edge`:                               {"split->"},
		"word-count has no component \"nobody\": there are ": {"nobody"},
	} {
		if out, code := c.CLI(t, append([]string{"tap", "word-count"}, args...)...); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d\n%s", args, code, out)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	places := map[string]bool{}
	killed := false
	err := c.API.Tap(ctx, api.TapQuery{Topology: "word-count", From: "split"}, func(e api.TapEvent) error {
		switch {
		case e.Tuple == nil:
		case !killed && len(places) == 2: // both workers are seen: now one dies
			killed = true
			clear(places)
			list := c.Workers(t, 0)
			for _, w := range list {
				kill(t, w)
				w.Close()
			}
		case killed && len(places) == 2:
			return errSeen
		default:
			places[e.Tuple.Place] = true
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Errorf("%v; seen: %v, killed: %v", err, places, killed)
	}
	// More taps than a worker has room for, one after the other.
	for range 10 {
		Eventually(t, "there is room for a tap", func() bool {
			return errors.Is(c.API.Tap(ctx, api.TapQuery{Topology: "word-count", From: "split"}, func(e api.TapEvent) error {
				if e.Lost != "" {
					return errors.New(e.Lost)
				}
				return errSeen
			}), errSeen)
		})
	}
	c.MustCLI(t, "kill", "word-count", "--wait", "1s")
}

const (
	busyPython = `
from polybolt import bolt


def never_ends(line):
    while line is not None:
        pass


@bolt
def work(line):
    never_ends(line)
    yield line


work.run()
`
	busyNode = `
const { bolt } = require('polybolt');

function neverEnds(line) {
  while (line !== null);
}

bolt(({ line }) => { neverEnds(line); return line; }).run();
`
	busyTopology = `
name: busy
spouts:
  lines: {command: [python3, lines.py], config: {path: text.txt}, output: [line]}
bolts:
  python: {command: [sh, -c, "python3 work.py; exit $?"], inputs: [lines], output: [line]}
  node: {command: [node, work.js], inputs: [lines], output: [line]}
`
)

// Where code is that never returns is shown, of Python (here behind a shell,
// which a signal would end) and of Node, and it goes on as before.
func TestStacks(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	dir := EndlessWordCount(t)
	WriteFile(t, dir, "work.py", busyPython)
	WriteFile(t, dir, "work.js", busyNode)
	WriteFile(t, dir, "topology.yaml", busyTopology)
	c.MustCLI(t, "deploy", dir)
	w := c.onlyWorker(t)
	before := pids(figures(t, w))
	for component, want := range map[string]string{"python": "work.py\", line 6 in never_ends", "node": "at neverEnds (", "lines": "lines.py"} {
		Eventually(t, "the stacks of "+component, func() bool {
			out, code := c.CLI(t, "stacks", "busy", component)
			return code == 0 && strings.Contains(out, want)
		})
	}
	if after := pids(figures(t, w)); !maps.Equal(before, after) {
		t.Errorf("the children were %v and are %v", before, after)
	}
	for want, args := range map[string][]string{`busy has no component "x"`: {"x"}, "node has no task 77: there are 3": {"node[77]"}, "write COMPONENT, or": {"node[1"}, "the number of the task is missing": {"node[]"}} {
		if out, code := c.CLI(t, append([]string{"stacks", "busy"}, args...)...); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d\n%s", args, code, out)
		}
	}
	if out := c.MustCLI(t, "stacks", "busy", "node[3]"); !strings.Contains(out, "work.js:5") || !strings.Contains(out, "Node.js v") {
		t.Errorf("stacks says:\n%s", out)
	}
	c.MustCLI(t, "kill", "busy", "--wait", "0s")
}
