package shells

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// alive tells whether a process runs: it exists and is not a zombie.
func alive(pid int) bool {
	s, err := readStat(pid)
	return err == nil && s.state != 'Z'
}

// waitGone waits until none of the processes runs.
func waitGone(t *testing.T, within time.Duration, pids ...int) {
	t.Helper()
	for end := time.Now().Add(within); slices.ContainsFunc(pids, alive); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("of %v some still run after %s", pids, within)
		}
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	line := "42 (a) S) b) T 7 42 42 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 5555 1000000 250 18446744073709551615 1 1 0"
	s, err := parseStat([]byte(line))
	want := procStat{pid: 42, ppid: 7, pgid: 42, state: 'T', ticks: 110, start: 5555, pages: 250}
	if err != nil || s != want {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", "42", "42 (", "42 ) (", "42 (a) S 1 2", strings.Replace(line, "11", "x", 1)} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (x) S 1 1 1 0 0 0 0 0 0 0 1 1 1 1 0 0 0 0 1 1 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseStat(b); err == nil && s.state == 0 {
			t.Error("no state and no error")
		}
	})
}

// A tree of four generations, of which one left the group and one the session.
const familyScript = `
trap '' TERM
echo $$
sh -c 'trap "" TERM; echo $$; exec sleep 1000' &
setsid sh -c 'trap "" TERM; echo $$; setsid sh -c "trap \"\" TERM; echo \$\$; sleep 1000" & sleep 1000' &
wait; wait
`

func startFamily(t *testing.T, script string) (c *Child, p *probe, pids []int) {
	t.Helper()
	p = &probe{}
	spec := p.spec(t, "sh", "-c", script)
	var next func() int
	spec.Output, next = collect(t)
	c = start(t, spec)
	for range 4 {
		pids = append(pids, next())
	}
	return c, p, pids
}

func TestOffspring(t *testing.T) {
	t.Parallel()
	c, _, pids := startFamily(t, familyScript)
	for _, walk := range []func(int) []int{offspring, scanOffspring} {
		found := walk(c.PID())
		for _, pid := range pids[1:] {
			if !slices.Contains(found, pid) {
				t.Errorf("%d is not among %v", pid, found)
			}
		}
	}
	s, err := c.Sample()
	if err != nil || s.Processes < 4 || s.RSS < 1<<20 || s.State != 'S' {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestD16KillEndsTheWholeTree(t *testing.T) {
	t.Parallel()
	c, p, pids := startFamily(t, familyScript)
	family := append(offspring(c.PID()), pids...)
	c.Kill(errors.New("enough"))
	waitGone(t, 5*time.Second, family...)
	waitFor(t, c.Done(), "the exit")
	if p.exit.Signal != "SIGKILL" || p.exit.Err == nil {
		t.Error(p.exit.String())
	}
}

// A child that dies by itself takes with it what left its group and session.
func TestD16DeathEndsTheWholeTree(t *testing.T) {
	t.Parallel()
	c, _, pids := startFamily(t, familyScript)
	family := append(offspring(c.PID()), pids...)
	c.Signal(syscall.SIGKILL)
	waitGone(t, 5*time.Second, family...)
	waitFor(t, c.Done(), "the exit")
}

func TestSampleCountsCPU(t *testing.T) {
	t.Parallel()
	var p probe
	spec := p.spec(t, "sh", "-c", "(while :; do :; done) & echo $!; wait")
	var next func() int
	spec.Output, next = collect(t)
	c := start(t, spec)
	next()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s, err := c.Sample()
		if err != nil {
			t.Fatal(err)
		}
		if s.CPU >= 3*clockTick {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("a busy grandchild shows as %+v", s)
		}
	}
	c.Kill(nil)
	waitFor(t, c.Done(), "the exit")
	if _, err := c.Sample(); err == nil {
		t.Error("a dead child was sampled")
	}
}

// The mark must not reach further than the child's own family.
func TestKillMarkedSparesOthers(t *testing.T) {
	t.Parallel()
	other := exec.Command("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!")
	other.Env = append(os.Environ(), markName+"=another")
	out, err := other.Output()
	if err != nil {
		t.Fatal(err)
	}
	var orphan int
	if _, err := fmt.Sscan(string(out), &orphan); err != nil {
		t.Fatal(err)
	}
	killMarked(markName+"=anothe", 0)
	killMarked(markName+"=another2", 0)
	killMarked(markName+"=another", 1<<60)
	if !alive(orphan) {
		t.Error("an orphan with another mark, or an older one, was ended")
	}
	killMarked(markName+"=another", 0)
	waitGone(t, 5*time.Second, orphan)
}

func BenchmarkSample(b *testing.B) {
	for b.Loop() {
		if _, err := sample(os.Getpid()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAllProcesses(b *testing.B) {
	for b.Loop() {
		allProcesses()
	}
}
