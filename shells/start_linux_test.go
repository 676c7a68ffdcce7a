package shells

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	childPrograms["openfiles"] = func() { fmt.Println(openFiles("/proc/self/fd")) }
	childPrograms["pipes"] = pipesProgram
}

// Two hundred starts, many at a time, leave no descriptor, no goroutine, and no process. Not
// parallel: it counts what the whole process has open.
func TestManyStartsLeaveNothing(t *testing.T) {
	forkOnce(t) // the fork thread, and what the runtime opens on first use
	before, routines := openFiles("/proc/self/fd"), runtime.NumGoroutine()
	var all sync.WaitGroup
	for worker := range 10 {
		all.Go(func() {
			for i := range 20 {
				var p probe
				c, err := Start(p.spec(t, "sh", "-c", "exit $1", "sh", fmt.Sprint(i)))
				if err != nil {
					t.Error(err)
					return
				}
				c.Write([]byte("never read"))
				if worker == 0 {
					c.Kill(errors.New("enough"))
				}
				waitFor(t, c.Done(), "the exit")
				if p.exited != 1 || worker > 0 && p.exit.Code != i {
					t.Error(p.exit.String())
				}
			}
		})
	}
	all.Wait()
	if after := openFiles("/proc/self/fd"); len(after) != len(before) {
		t.Errorf("descriptors before: %v\nafter: %v", before, after)
	}
	// Done is the last thing that a child's goroutine says, not the last it does.
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > routines; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before, %d after", routines, runtime.NumGoroutine())
		}
	}
	if kids := offspring(os.Getpid()); len(kids) > 0 {
		t.Errorf("processes are left: %v", kids)
	}
	if pipes.used != 0 {
		t.Errorf("%d bytes of the pipe budget are lost", pipes.used)
	}
}

// A start that fails leaves nothing either.
func TestFailedStartsLeaveNothing(t *testing.T) {
	forkOnce(t)
	before := openFiles("/proc/self/fd")
	for _, command := range [][]string{{"no-such-program"}, {"true", strings.Repeat("x", 3<<20)}} {
		if _, err := Start(Spec{Name: "t/b[0]", Command: command, Dir: "/"}); err == nil {
			t.Error("it was started")
		}
	}
	if after := openFiles("/proc/self/fd"); len(after) != len(before) {
		t.Errorf("descriptors before: %v\nafter: %v", before, after)
	}
	if pipes.used != 0 {
		t.Errorf("%d bytes of the pipe budget are lost", pipes.used)
	}
}

func forkOnce(t *testing.T) {
	t.Helper()
	var p probe
	c := start(t, p.spec(t, "true"))
	waitFor(t, c.Done(), "the exit")
}

// A child sees its three pipes and nothing else, whatever we have open ourselves.
func TestChildSeesNoOtherDescriptor(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var p probe
	c := start(t, self(p.spec(t), "openfiles"))
	waitFor(t, c.Done(), "the exit")
	_, rest, _ := strings.Cut(p.out.String(), " 3 ")
	if strings.Count(p.out.String(), "pipe:") != 3 || strings.Contains(rest, "pipe:") {
		t.Errorf("it sees %s", p.out.String())
	}
}

// The child leads its own group, and its umask is ours.
func TestChildLeadsItsGroup(t *testing.T) {
	t.Parallel()
	var p probe
	c := start(t, p.spec(t, "sh", "-c", "umask; cat"))
	s, err := readStat(c.PID())
	if err != nil || s.pgid != c.PID() || s.ppid != os.Getpid() {
		t.Errorf("%+v, %v", s, err)
	}
	c.CloseInput()
	waitFor(t, c.Done(), "the exit")
	old := unix.Umask(0)
	unix.Umask(old)
	if got := strings.TrimSpace(p.out.String()); got != fmt.Sprintf("%04o", old) {
		t.Errorf("umask %s, ours is %04o", got, old)
	}
}

// D29 with a real child: a SIGSTOP is seen, judged, and ended.
func TestD29StoppedChild(t *testing.T) {
	t.Parallel()
	var p probe
	c := start(t, p.spec(t, "sh", "-c", "while :; do :; done"))
	c.Signal(syscall.SIGSTOP)
	j := Judge{Limits: Limits{Heartbeat: 400 * time.Millisecond}}
	began := time.Now()
	for {
		signs := Signs{Now: time.Now(), Started: c.Started(), Ready: c.Started(), Heard: c.LastOutput(), Working: began, Beats: true, Reading: true}
		got := j.Look(signs)
		if got.Sample {
			sample, err := c.Sample()
			if err != nil {
				t.Fatal(err)
			}
			signs.Sample = &sample
			got = j.Look(signs)
		}
		if got.Verdict == Frozen {
			c.Kill(errors.New(got.Why))
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%+v", got)
		}
		time.Sleep(20 * time.Millisecond) // the interval at which an engine looks
	}
	waitFor(t, c.Done(), "the exit")
	if !strings.Contains(p.exit.String(), "state T") {
		t.Error(p.exit.String())
	}
}

// pipesProgram starts children until argument 1 of them run, and prints the
// sizes of their pipes, and what a pipe holds that somebody else makes then.
func pipesProgram() {
	var children []*Child
	for range 40 {
		c, err := Start(Spec{Name: "t/b[0]", Command: []string{"cat"}, Dir: "/"})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		children = append(children, c)
		fmt.Println(c.pipes[0].size, c.pipes[1].size, c.pipes[2].size)
	}
	var fd [2]int
	if err := unix.Pipe(fd[:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	size, err := unix.FcntlInt(uintptr(fd[0]), unix.F_GETPIPE_SZ, 0)
	fmt.Println("another", size, err)
	for _, c := range children {
		c.Kill(nil)
		<-c.Done()
	}
	fmt.Println("left", pipes.used)
}

// An ordinary user's pipes share 64 MiB: ours take half of it at full size, and leave
// enough for anybody else's to be whole.
func TestPipesOfAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	cmd := testWorker("pipes")
	cmd.Stdout, cmd.Stderr = nil, nil
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		// The test binary lies in a folder of root alone.
		copy := copyProgram(t)
		cmd.Path = copy
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Fields(string(out))
	full := len(lines) - len(slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return s == fmt.Sprint(pipeWanted) }))
	modest := len(lines) - len(slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return s == fmt.Sprint(pipeModest) }))
	if limit := 32; full != limit || modest != 80-limit {
		t.Errorf("of 80 pipes %d are full and %d of modest size\n%s", full, modest, out)
	}
	if !strings.Contains(string(out), "another 65536 <nil>") || !strings.Contains(string(out), "left 0") {
		t.Errorf("%s", out)
	}
}

// copyProgram copies this test binary to where every user may run it.
func copyProgram(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "shells-test-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	return write(t, dir+"/program", string(program), 0o755)
}

// A child without a pidfd is waited for all the same.
func TestWaitWithoutAPidfd(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", "exit 6")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{pid: cmd.Process.Pid}
	p.wait()
	if out := p.reap(); out.code != 6 {
		t.Errorf("%+v", out)
	}
	p.signal(syscall.SIGKILL, false) // to nobody
	p.killTree()
	cmd.Process.Release()
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		c, err := Start(Spec{Name: "t/b[0]", Command: []string{"true"}, Dir: "/"})
		if err != nil {
			b.Fatal(err)
		}
		<-c.Done()
	}
}
