package shells

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	childPrograms["turns"] = func() { turnsProgram(unix.SCHED_NORMAL) }
	childPrograms["turns idle"] = func() { turnsProgram(unix.SCHED_IDLE) }
	childPrograms["policy"] = func() { fmt.Println(policyOf(0)) }
}

// turnsProgram is given a policy, waits for its turn, prints the policies of
// its threads, and lets a child print its own.
func turnsProgram(given int) {
	must(setAllPolicies(given))
	var busy sync.WaitGroup
	var pipe [2]int
	must(unix.Pipe(pipe[:]))
	for range 8 { // a read takes a thread until the pipe is closed; some come to be only after this
		busy.Go(func() { _, _ = unix.Read(pipe[0], make([]byte, 1)) })
	}
	must(WaitForTurn())
	fmt.Println(ownPolicies())
	must(os.Setenv("SHELLS_TEST_CHILD", "policy"))
	p, err := fork("/proc/self/exe", os.Args, os.Environ(), "", [3]uintptr{0, 1, 2})
	must(err)
	p.wait()
	unix.Close(pipe[1])
	busy.Wait()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// ownPolicies counts this process's threads of each policy.
func ownPolicies() (normal, batch, idle int) {
	threads, err := os.ReadDir("/proc/self/task")
	must(err)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		must(err)
		switch policy, _ := policyOf(id); policy {
		case unix.SCHED_NORMAL:
			normal++
		case unix.SCHED_BATCH:
			batch++
		case unix.SCHED_IDLE:
			idle++
		}
	}
	return normal, batch, idle
}

// All threads wait for their turn but the one that forks, whose policy
// children inherit; a process that was told otherwise stays as it is.
func TestWaitForTurn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		program string
		right   func(normal, batch, idle int) bool
		child   int
	}{
		{"turns", func(n, b, i int) bool { return n == 1 && b > 1 && i == 0 }, unix.SCHED_NORMAL},
		{"turns idle", func(n, b, i int) bool { return n == 0 && b == 0 && i > 1 }, unix.SCHED_IDLE},
	} {
		t.Run(test.program, func(t *testing.T) {
			t.Parallel()
			cmd := testWorker(test.program)
			cmd.Stdout = nil
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var normal, batch, idle, child int
			if _, err := fmt.Sscanf(string(out), "%d %d %d\n%d <nil>\n", &normal, &batch, &idle, &child); err != nil {
				t.Fatalf("%v: %q", err, out)
			}
			if !test.right(normal, batch, idle) || child != test.child {
				t.Errorf("normal, batch, idle and the child's policy: %s", out)
			}
		})
	}
}
