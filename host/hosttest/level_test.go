package hosttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	loggingPython = `
import logging

from polybolt import bolt


@bolt
def work(line, conf):
    logging.getLogger("work").debug("python says debug")
    with open(conf["path"] + ".new", "w") as f:
        f.write(str(logging.getLogger().getEffectiveLevel()))
    import os
    os.rename(conf["path"] + ".new", conf["path"])


work.run()
`
	loggingNode = `
const { bolt } = require('polybolt');
bolt(() => { console.debug('node says debug'); }).run();
`
	loggingTopology = `
name: talk
spouts:
  lines: {command: [python3, lines.py], config: {path: text.txt, every: 0.1}, output: [line]}
bolts:
  python: {command: [python3, work.py], inputs: [lines], config: {path: "PATH"}}
  node: {command: [node, work.js], inputs: [lines]}
`
)

// A level reaches the children that run and those that start later, and is
// taken back by order, or when its time is over.
func TestLogLevel(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	dir := EndlessWordCount(t)
	file := filepath.Join(t.TempDir(), "level")
	WriteFile(t, dir, "work.py", loggingPython)
	WriteFile(t, dir, "work.js", loggingNode)
	WriteFile(t, dir, "topology.yaml", strings.Replace(loggingTopology, "PATH", file, 1))
	c.MustCLI(t, "deploy", dir)
	level := func(want string) {
		t.Helper()
		Eventually(t, "the level of Python is "+want, func() bool {
			b, err := os.ReadFile(file)
			return err == nil && string(b) == want
		})
	}
	level("20")
	if out := c.MustCLI(t, "loglevel", "talk", "debug", "--for", "1h"); !strings.Contains(out, "talk logs from debug on, for 1h") {
		t.Errorf("loglevel says:\n%s", out)
	}
	level("10")
	for _, component := range []string{"python", "node"} {
		Eventually(t, component+" logs", func() bool {
			return strings.Contains(c.MustCLI(t, "logs", "talk", component, "-n", "5"), "DEBUG "+component+" says debug")
		})
	}
	if out := c.MustCLI(t, "status", "talk"); !strings.Contains(out, "log level: all that has no level of its own from debug on until ") {
		t.Errorf("status says:\n%s", out)
	}
	c.MustCLI(t, "loglevel", "talk", "python", "error")
	level("40")
	w := c.onlyWorker(t)
	kill(t, w)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	level("40") // of the child of the worker that was started since
	c.MustCLI(t, "loglevel", "talk", "python", "usual")
	level("10")
	c.MustCLI(t, "loglevel", "talk", "warn", "--for", "1h")
	level("30")
	// A busy machine may not run the child in this second: that debug's time is over too says that it was set.
	c.MustCLI(t, "loglevel", "talk", "debug")
	level("10")
	c.MustCLI(t, "loglevel", "talk", "warn", "--for", "1s")
	level("20")
	for want, args := range map[string][]string{`there is no log level "loud"`: {"loud"}, `talk has no component "x"`: {"x", "debug"}, "the time for which a level holds must be": {"debug", "--for", "-1s"}} {
		if out, code := c.CLI(t, append([]string{"loglevel", "talk"}, args...)...); code != 2 && code != 1 || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d\n%s", args, code, out)
		}
	}
	c.MustCLI(t, "kill", "talk", "--wait", "1s")
}
