package shells

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func init() {
	childPrograms["worker"] = workerProgram
	childPrograms["run"] = runProgram
	childPrograms["descriptors"] = func() {
		b, err := io.ReadAll(os.NewFile(3, "extra"))
		fmt.Println(string(b), err, openFiles("/proc/self/fd"))
	}
}

// workerProgram starts a family as a user's child, prints the pids of all,
// answers SIGUSR1, and exits with 7 on SIGTERM.
func workerProgram() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM, syscall.SIGUSR1)
	_, err := Start(Spec{
		Name: "t/b[0]", Command: []string{"sh", "-c", familyScript}, Dir: "/",
		Output: func(b []byte) (int, int, error) { os.Stdout.Write(b); return len(b), 0, nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for sig := range told {
		if sig == syscall.SIGTERM {
			os.Exit(7)
		}
		fmt.Println("still here")
	}
}

// runProgram guards a worker as `run` does, prints the pids of guardian and worker, and exits as it does.
func runProgram() {
	g, err := Guard(testWorker("worker"), GuardOptions{Lifeline: os.Getenv("LIFELINE") != "", ExitFile: os.Getenv("EXIT_FILE")})
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Println(g.PID(), g.Worker())
	var exit *exec.ExitError
	if errors.As(g.Wait(), &exit) {
		os.Exit(exit.ExitCode())
	}
}

// cluster is a `run`, its guardian, its worker, and the worker's family.
type cluster struct {
	run              *exec.Cmd
	guardian, worker int
	family           []int // the worker's child and all it started
	exitFile         string
	lines            *bufio.Scanner // the worker's output, and run's
}

func startCluster(t *testing.T, lifeline string) *cluster {
	t.Helper()
	c := &cluster{exitFile: filepath.Join(t.TempDir(), "exit")}
	c.run = testWorker("run")
	c.run.Env = append(c.run.Env, "LIFELINE="+lifeline, "EXIT_FILE="+c.exitFile)
	c.run.Stdout, c.run.Stderr = nil, nil
	out, err := c.run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.run.Process.Kill()
		c.run.Wait()
		waitGone(t, 5*time.Second, append(c.family, c.guardian, c.worker)...)
	})
	lines := bufio.NewScanner(out)
	c.lines = lines
	var pids []int
	for (len(pids) < 4 || c.worker == 0) && lines.Scan() {
		var first, second int
		switch n, _ := fmt.Sscan(lines.Text(), &first, &second); n {
		case 2:
			c.guardian, c.worker = first, second
		case 1:
			pids = append(pids, first)
		default:
			t.Fatal(lines.Text())
		}
	}
	if len(pids) < 4 || c.worker == 0 {
		t.Fatalf("only %v came up", pids)
	}
	c.family = append(offspring(c.worker), pids...)
	return c
}

func TestD16NothingOutlivesAWorker(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		to     func(*cluster) int
		code   int
		exit   GuardExit
	}{
		{"worker killed", syscall.SIGKILL, func(c *cluster) int { return c.worker }, 128 + 9, GuardExit{Code: -1, Signal: "SIGKILL"}},
		{"guardian told to stop", syscall.SIGTERM, func(c *cluster) int { return c.guardian }, 7, GuardExit{Code: 7}},
		{"guardian told to kill", syscall.SIGUSR2, func(c *cluster) int { return c.guardian }, 128 + 9, GuardExit{Code: -1, Signal: "SIGKILL", Why: "ended by its guardian: it was told to"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, "")
			if _, err := ReadGuardExit(c.exitFile); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("an exit was told of a running worker: %v", err)
			}
			if err := syscall.Kill(test.to(c), test.signal); err != nil {
				t.Fatal(err)
			}
			waitGone(t, 5*time.Second, append(c.family, c.worker, c.guardian)...)
			c.run.Wait()
			if code := c.run.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			exit, err := ReadGuardExit(c.exitFile)
			if err != nil || exit.PID != c.worker || exit.Code != test.exit.Code || exit.Signal != test.exit.Signal ||
				exit.Why != test.exit.Why || exit.Ended.Before(exit.Started) {
				t.Errorf("%+v, %v", exit, err)
			}
		})
	}
}

func TestD16NothingOutlivesRun(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "yes")
	if err := c.run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitGone(t, 5*time.Second, append(c.family, c.worker, c.guardian)...)
	if exit, err := ReadGuardExit(c.exitFile); err != nil || !strings.Contains(exit.Why, "ended") {
		t.Errorf("%+v, %v", exit, err)
	}
}

func TestD16WorkersOutliveASupervisor(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "")
	if err := c.run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.run.Process.Wait() // not run.Wait: the worker's output is still to be read
	if err := syscall.Kill(c.guardian, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if !c.lines.Scan() || c.lines.Text() != "still here" {
		t.Fatal("the guardian hands nothing on any more")
	}
	for _, pid := range append(c.family, c.guardian) {
		if !alive(pid) {
			t.Errorf("%d died with its supervisor", pid)
		}
	}
	if err := syscall.Kill(c.guardian, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	waitGone(t, 5*time.Second, append(c.family, c.worker, c.guardian)...)
}

func TestWorkerDiesWithItsGuardian(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "")
	strays := c.family[1:] // grandchildren: nobody is left to end them but us
	t.Cleanup(func() {
		for _, pid := range strays {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	if err := syscall.Kill(c.guardian, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitGone(t, 5*time.Second, c.worker, c.family[0])
}

func TestGuardPassesStreamsAndDescriptors(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "a secret")
	w.Close()
	var out strings.Builder
	cmd := testWorker("descriptors")
	cmd.ExtraFiles = []*os.File{r}
	cmd.Stdout = &out
	g, err := Guard(cmd, GuardOptions{Lifeline: true})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	// Beyond what was passed on: the runtime's own, but no pipe, which the lifeline is.
	got, rest, _ := strings.Cut(out.String(), " 4 ")
	if g.Worker() == 0 || !strings.HasPrefix(got, "a secret <nil> [0 ") || strings.Contains(rest, "pipe:") {
		t.Errorf("the worker said %q", out.String())
	}
}

// What is told to a worker that has only just been started is not lost.
func TestGuardedIsEndedAtOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(*Guarded) error
		code int
	}{
		{"Kill", (*Guarded).Kill, 128 + 9},
		{"SIGTERM", func(g *Guarded) error { return g.Signal(syscall.SIGTERM) }, 128 + 15},
		{"context", nil, 128 + 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			g, err := Guard(exec.CommandContext(ctx, "sleep", "1000"), GuardOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if test.end == nil {
				cancel()
			} else if err := test.end(g); err != nil {
				t.Fatal(err)
			}
			err = g.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != test.code {
				t.Errorf("%v, want code %d", err, test.code)
			}
			waitGone(t, 5*time.Second, g.Worker(), g.PID())
		})
	}
}

func TestGuardSaysWhatItCannotStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "exit")
	cmd := exec.Command("/proc/self/exe")
	cmd.Path = "/no/such/worker"
	if _, err := Guard(cmd, GuardOptions{ExitFile: file}); err == nil || !strings.Contains(err.Error(), "start /no/such/worker: no such file") {
		t.Error(err)
	}
	if exit, err := ReadGuardExit(file); err != nil || exit.Why == "" || exit.Code != 127 {
		t.Errorf("%+v, %v", exit, err)
	}
}

// In a pid namespace without a /proc of its own the numbers of /proc are other
// processes'; as pid 1 the guardian can do without.
func TestGuardianAsPidOne(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	cmd := exec.Command("sh", "-c", "setsid sleep 1000 & sleep 1001 & exit 5")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	g, err := Guard(cmd, GuardOptions{})
	if errors.Is(err, syscall.EPERM) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	family := offspring(g.PID())
	var exit *exec.ExitError
	if err := g.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 5 {
		t.Error(err)
	}
	waitGone(t, time.Second, family...)
}

func BenchmarkGuard(b *testing.B) {
	for b.Loop() {
		g, err := Guard(exec.Command("/bin/true"), GuardOptions{Lifeline: true})
		if err != nil {
			b.Fatal(err)
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// openFiles lists the descriptors in a folder of /proc and what they are.
func openFiles(dir string) (list []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err == nil {
			list = append(list, entry.Name()+" "+target)
		}
	}
	return list
}
