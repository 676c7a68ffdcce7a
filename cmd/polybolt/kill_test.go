package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/polybolt/polybolt/tools/program"
)

// stubborn is a topology whose processes do what they can to stay: a bolt that
// ignores signals and sleeps, and a process it has started in a session of its own.
var stubborn = map[string]string{
	"topology.yaml": `
name: stubborn
spouts:
  one:
    command: [python3, one.py]
    output: [n]
bolts:
  stay:
    command: [python3, stay.py]
    inputs: [one]
  linger:
    command: [node, linger.mjs]
    inputs: [one]
`,
	"one.py": `
import os
from polybolt import spout

@spout
def one():
    print("pid", os.getpid())
    yield 1
    while True:
        yield None

one.run()
`,
	"stay.py": `
import os, signal, subprocess, time
from polybolt import bolt

for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(s, signal.SIG_IGN)

@bolt
def stay(n):
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print("pid", os.getpid())
    print("pid", other.pid)
    time.sleep(600)

stay.run()
`,
	"linger.mjs": `
import { bolt } from 'polybolt';
process.on('SIGTERM', () => {});
setInterval(() => {}, 1000);
bolt(async () => {
  console.log('pid', process.pid);
  await new Promise((resolve) => setTimeout(resolve, 600000));
}).run();
`,
}

var pidLine = regexp.MustCompile(`\| pid (\d+)`)

// startStubborn runs it until all of its processes have told their pids. What
// it keeps in files is in temp.
func startStubborn(t *testing.T) (p *program.Program, pids []int, temp string) {
	t.Helper()
	temp = t.TempDir()
	p = startWith(t, writeFiles(t, stubborn), append(os.Environ(), "TMPDIR="+temp), "run")
	p.Until("four pids", func(stderr string) bool { return len(pidLine.FindAllString(stderr, -1)) >= 4 })
	_, stderr := p.Output()
	for _, m := range pidLine.FindAllStringSubmatch(stderr, -1) {
		pid, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return p, pids, temp
}

// gone waits until none of the processes is left. A zombie counts as gone: it
// is its parent's to collect.
func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, "process "+strconv.Itoa(pid)+" is gone", func() bool {
			if syscall.Kill(pid, 0) == syscall.ESRCH {
				return true
			}
			stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
			_, rest, _ := strings.Cut(string(stat), ") ")
			return err == nil && strings.HasPrefix(rest, "Z")
		})
	}
}

// empty waits until there is nothing in a folder.
func empty(t *testing.T, dir string) {
	t.Helper()
	eventually(t, dir+" is empty", func() bool {
		entries, err := os.ReadDir(dir)
		return err == nil && len(entries) == 0
	})
}

// After `kill -9` of run nothing that it started is left, and no file.
func TestRunKilledLeavesNothing(t *testing.T) {
	t.Parallel()
	p, pids, temp := startStubborn(t)
	p.Signal(syscall.SIGKILL)
	if code := p.Wait(); code != 128+int(syscall.SIGKILL) {
		t.Errorf("exit code %d", code)
	}
	gone(t, pids)
	empty(t, temp)
}

// Two interrupts end it with 130, and nothing is left either.
func TestRunAbortedLeavesNothing(t *testing.T) {
	t.Parallel()
	p, pids, temp := startStubborn(t)
	p.Signal(os.Interrupt)
	p.Prints("stopping: finishing what is in flight")
	p.Signal(os.Interrupt)
	if code := p.Wait(); code != exitAborted {
		t.Errorf("exit code %d, want %d", code, exitAborted)
	}
	gone(t, pids)
	empty(t, temp)
	if stdout, _ := p.Output(); lastLine(stdout) != "acked 0 failed 0 dead 0" && !strings.Contains(stdout, "not done") {
		t.Errorf("the summary:\n%s", stdout)
	}
}
