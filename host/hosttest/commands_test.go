package hosttest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
)

// A day in the life of a topology, as a user types it.
func TestCommandsOfAUser(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	dir := EndlessWordCount(t)
	has := func(out string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in:\n%s", want, out)
			}
		}
	}
	fails := func(code int, want string, args ...string) {
		t.Helper()
		out, got := c.CLI(t, args...)
		if got != code || !strings.Contains(out, want) {
			t.Errorf("polybolt %s: exit code %d\n%s", strings.Join(args, " "), got, out)
		}
	}
	has(c.MustCLI(t, "deploy", dir), "version 1 runs as run 1")
	has(c.MustCLI(t, "status", "word-count"), "word-count: active", "1 of 1 workers", "split", "2/2", "last change: deploy", "version")
	var s api.Status
	if err := json.Unmarshal([]byte(c.MustCLI(t, "status", "word-count", "-o", "json")), &s); err != nil || s.Run != 1 || len(s.Versions) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	Eventually(t, "top shows that rows flow", func() bool {
		var rates []struct {
			Component string  `json:"component"`
			PerSecond float64 `json:"per_second"`
		}
		if err := json.Unmarshal([]byte(c.MustCLI(t, "top", "word-count", "--every", "300ms", "-o", "json")), &rates); err != nil {
			t.Fatal(err)
		}
		for _, r := range rates {
			if r.Component == "split" {
				return r.PerSecond > 0
			}
		}
		return false
	})
	has(c.MustCLI(t, "top"), "word-count", "split", "2/2")
	has(c.MustCLI(t, "errors", "word-count"), "no errors")
	has(c.MustCLI(t, "deactivate", "word-count"), "word-count is inactive")
	Eventually(t, "it is inactive", func() bool { return strings.Contains(c.MustCLI(t, "list"), "inactive") })
	has(c.MustCLI(t, "activate", "word-count"), "word-count is active")
	has(c.MustCLI(t, "rebalance", "word-count", "--parallelism", "count=3", "--drain", "2s"), "version 1 runs as run 2")

	// A version that fails says why, and the old one stays.
	WriteFile(t, dir, "split.py", "import nowhere\n")
	fails(1, "ModuleNotFoundError", "deploy", dir)
	has(c.MustCLI(t, "status", "word-count"), "word-count: active", "run 2", "last change: deploy", "failed")
	WriteFile(t, dir, "split.py", failingSplit)
	has(c.MustCLI(t, "deploy", dir, "--drain", "2s"), "runs as run 4")
	Eventually(t, "its errors are told", func() bool {
		out := c.MustCLI(t, "errors", "word-count")
		return strings.Contains(out, "ValueError: a line that cannot be split") && strings.Contains(out, "split.py") &&
			strings.Contains(out, `tuple of lines {"line": "`) && strings.Contains(out, ", attempt 1, slot ") && strings.Contains(out, ", version 3")
	})
	Eventually(t, "and its log lines", func() bool {
		return strings.Contains(c.MustCLI(t, "logs", "word-count", "split"), "splitting begins")
	})
	if out := c.MustCLI(t, "logs", "word-count", "--level", "warn", "--grep", "SPLITTING", "--since", "1h"); !strings.Contains(out, "splitting begins") || strings.Contains(out, "ending") {
		t.Errorf("only one line was asked for:\n%s", out)
	}
	if out := c.MustCLI(t, "logs", "word-count", "--grep", "splitting begins", "--level", "error"); out != "" {
		t.Errorf("no error was like this:\n%s", out)
	}
	fails(2, "--level loud", "logs", "word-count", "--level", "loud")
	fails(2, "--since", "logs", "word-count", "--since", "yesterday")
	has(c.MustCLI(t, "rollback", "word-count", "--drain", "2s"), "version 1 runs as run 5")

	fails(1, `there is no topology "nobody"`, "status", "nobody")
	fails(1, `there is no topology "word-cont", did you mean "word-count"?`, "logs", "word-cont")
	fails(1, `there is no topology "nobody"`, "logs", "nobody", "-f")
	fails(1, `word-count has no component "splitt", did you mean "split"?`, "logs", "word-count", "splitt")
	fails(1, `there is no topology "nobody"`, "errors", "nobody", "--dead")
	fails(1, `is no name of a topology`, "errors", "../../etc", "--dead")
	fails(1, "version 77 of word-count is not kept", "rollback", "word-count", "77")
	fails(2, "say what to change", "rebalance", "word-count")
	fails(2, "is no version", "rollback", "word-count", "x")
	out, code := c.CLI(t, "doctor")
	if code != 0 {
		t.Errorf("doctor: exit code %d", code)
	}
	has(out, "mode standalone", "ZooKeeper is a single server", "nimbus has been connected to ZooKeeper at 127.0.0.1:", "slots", "log server", "clock is right", "1 of 1 run as they should")
	has(c.MustCLI(t, "kill", "word-count", "--wait", "1s"), "word-count is gone")
	has(c.MustCLI(t, "logs", "word-count", "split"), "splitting begins")
	c.MustCLI(t, "errors", "word-count", "--dead")

	// D59: without nimbus every command says so within five seconds.
	c.Nimbuses[0].Kill(t)
	for _, args := range [][]string{{"list"}, {"status", "t"}, {"top"}, {"logs", "t"}, {"errors", "t"}, {"activate", "t"}, {"rollback", "t"}, {"doctor"},
		{"deploy", dir}, {"kill", "t"}, {"rebalance", "t", "--workers", "2"}, {"logs", "t", "-f"}} {
		began := time.Now()
		fails(1, "no nimbus can be reached", args...)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %v", args[0], took)
		}
	}
}

// failingSplit fails for one line in ten, and splits the others.
const failingSplit = `
import logging

from polybolt import bolt

n = 0


@bolt
def split(line):
    global n
    if n == 0:
        logging.getLogger("split").warning("splitting begins")
    n += 1
    if n % 10 == 0:
        raise ValueError("a line that cannot be split")
    yield from line.split()


split.run()
`

// A topology that makes no progress because of one task: status names it.
func TestStatusNamesTheTaskThatStalls(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2})
	n := NewNumbers(t, 4, 0, 1_000)
	WriteFile(t, n.Topology, "work.py", `import time

from polybolt import bolt


@bolt
def work(n, key):
    if key == "key-0":
        time.sleep(3600)
    return n


work.run()
`)
	// All numbers go to the one task that has this key, and whoever emits them may be anywhere.
	WriteFile(t, n.Topology, "pass.mjs", "import { bolt } from 'polybolt'\n\nconst pass = bolt(({ n }) => [n, 'key-0'])\npass.run()\n")
	c.MustCLI(t, "deploy", n.Topology)
	says := regexp.MustCompile(`^numbers: stalled by (work\[\d\]) \(it has worked on a row for \d+\w*s`)
	var out string
	Eventually(t, "status names the task", func() bool {
		out = c.MustCLI(t, "status", "numbers")
		return strings.Contains(out, "stalled")
	})
	named := says.FindStringSubmatch(out)
	if named == nil {
		t.Fatalf("status says:\n%s", out)
	}
	// What it is named there, the other commands know.
	if out := c.MustCLI(t, "stacks", "numbers", named[1]); !strings.Contains(out, named[1]+" on ") || !strings.Contains(out, "work.py") {
		t.Errorf("the stacks of %s:\n%s", named[1], out)
	}
}
