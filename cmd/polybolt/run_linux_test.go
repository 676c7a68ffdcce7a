package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/polybolt/polybolt/tools/program"
)

// Where descriptors are too few for a guardian, the run fails, says so, and
// leaves nothing behind.
func TestRunWithoutAGuardianLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if p := start(t, dir, "new", "hello", "--lang", "python"); p.Wait() != 0 {
		t.Fatal("new failed")
	}
	refused := 0
	for limit := 8; limit < 15; limit++ {
		temp := t.TempDir()
		cmd := exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" run hello`, limit), binary)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+temp)
		p := program.Start(t, patience, cmd)
		code := p.Wait()
		if _, stderr := p.Output(); code == exitFailure && strings.Contains(stderr, "start a guardian: ") {
			refused++
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("%d descriptors: left behind: %v %v", limit, left, err)
		}
	}
	if refused == 0 {
		t.Error("no guardian was refused")
	}
}

// Whoever ends a run from outside, its user is told: also where nobody is left
// that could clear up.
func TestRunTellsOfItsOwnDeath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if p := start(t, dir, "new", "hello", "--lang", "python"); p.Wait() != 0 {
		t.Fatal("new failed")
	}
	if err := os.WriteFile(dir+"/hello/split.py", []byte("from polybolt import bolt\nimport time\n\n@bolt\ndef split(line):\n    print('busy')\n    time.sleep(300)\n\nsplit.run()\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for victim, want := range map[string]struct {
		code int
		text string
	}{
		"worker":   {137, "polybolt: the run was ended by SIGKILL, which did not come from us: most often "},
		"guardian": {exitFailure, "polybolt: the guardian of the run was ended by SIGKILL"},
	} {
		t.Run(victim, func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			p := startWith(t, dir, append(os.Environ(), "TMPDIR="+temp), "run", "hello")
			p.Prints("busy")
			pid := onlyChild(t, p.PID())
			if victim == "worker" {
				pid = onlyChild(t, pid)
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			code := p.Wait()
			if _, stderr := p.Output(); code != want.code || !strings.Contains(stderr, want.text) {
				t.Errorf("exit code %d, stderr:\n%s", code, stderr)
			}
			if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// onlyChild returns the one process that another has started.
func onlyChild(t *testing.T, pid int) int {
	t.Helper()
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("children of %d: %q", pid, out)
	}
	return child
}

// What could not be written was not said: a full disk is no success.
func TestFullDiskIsAFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if p := start(t, dir, "new", "hello", "--lang", "python"); p.Wait() != 0 {
		t.Fatal("new failed")
	}
	for _, args := range []string{"run hello", "validate hello", "graph hello", "graph hello -f mermaid", "convert hello", "schema", "sdk python", "version", "check --only any-rows --startup 80s --patience 60s python3 split.py"} {
		cmd := exec.Command("sh", "-c", `"$0" `+args+` >/dev/full`, binary)
		cmd.Dir = dir
		if strings.HasPrefix(args, "check") {
			cmd.Dir = dir + "/hello"
		}
		p := program.Start(t, patience, cmd)
		code := p.Wait()
		if _, stderr := p.Output(); code != exitFailure || !strings.Contains(stderr, "no space left on device") {
			t.Errorf("%s: exit code %d, stderr:\n%s", args, code, stderr)
		}
	}
}
