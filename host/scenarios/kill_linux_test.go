package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/tools/program"
)

// endless is a topology of processes that do not want to die; the verb is how
// many tuples there are.
const endless = `
spouts:
  source:
    command: [{source}, source]
    config: {n: 1000000, pause: 0.05}
    output: [id]
bolts:
  sleeping: {command: [{family}, sleeping, sleeping], inputs: [source]}
  computing: {command: [{family}, computing, computing], inputs: [source]}
  deaf: {command: [{family}, deaf, deaf], inputs: [source]}
  timers: {command: [{family}, timers, timers], inputs: [source]}
  family: {command: [{family}, family, family], inputs: [source]}
`

// However `polybolt run` dies, nothing that it started lives on: the children
// that sleep, compute, ignore SIGTERM or hold timers, and theirs, in sessions of
// their own, orphaned or not.
func TestD16_NothingOutlivesARun(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		for _, c := range []struct {
			name   string
			victim func(run int, above []int) int
		}{
			{"kill -9 of polybolt run", func(run int, _ []int) int { return run }},
			{"kill -9 of its worker", func(_ int, above []int) int { return above[0] }},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				x := newTrial(t, l, endless)
				p := x.start()
				names := []string{"computing", "deaf", "family", "sleeping", "timers"}
				program.Eventually(t, patience, "every bolt has a tuple", func() bool {
					busy := x.lines("busy")
					slices.Sort(busy)
					return slices.Equal(slices.Compact(busy), names)
				})
				x.born("family", 4) // the bolt and three more
				all := x.pids("source")
				for _, name := range names {
					all = append(all, x.pids(name)...)
				}
				above := ancestors(t, all[0], p.PID())
				if len(above) < 2 {
					t.Fatalf("between a child and run there are %v, want worker and guardian", above)
				}
				all = append(all, above...)
				for _, pid := range all {
					if !alive(pid) {
						t.Fatalf("process %d of %v is gone before its time:\n%s", pid, all, program.Ends(p.err()))
					}
				}
				if err := syscall.Kill(c.victim(p.PID(), above), syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				killed := time.Now()
				for slices.ContainsFunc(all, alive) && time.Since(killed) < 5*time.Second {
					<-time.After(10 * time.Millisecond)
				}
				for _, pid := range slices.DeleteFunc(all, func(pid int) bool { return !alive(pid) }) {
					t.Errorf("process %d lives on: %s", pid, commandLine(pid))
					_ = syscall.Kill(pid, syscall.SIGKILL) // nothing is left behind
				}
				t.Logf("all gone after %s", time.Since(killed).Round(time.Millisecond))
			})
		}
	})
}

// ancestors lists the processes between one and a process above it.
func ancestors(t *testing.T, pid, top int) (list []int) {
	t.Helper()
	for {
		fields := stat(pid)
		if len(fields) < 2 {
			t.Fatalf("process %d is gone", pid)
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil || parent <= 1 {
			t.Fatalf("process %d is not below %d (%v)", pid, top, err)
		}
		if pid = parent; pid == top {
			return list
		}
		list = append(list, pid)
	}
}

// stat returns what /proc says of a process, from its state on; nil if it is gone.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// alive tells whether a process runs; one that waits to be reaped does not.
func alive(pid int) bool {
	fields := stat(pid)
	return len(fields) > 0 && fields[0] != "Z" && fields[0] != "X"
}

func commandLine(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // only for a message
	return string(bytes.ReplaceAll(b, []byte{0}, []byte{' '}))
}
