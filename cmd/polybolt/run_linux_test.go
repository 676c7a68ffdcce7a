package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
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
