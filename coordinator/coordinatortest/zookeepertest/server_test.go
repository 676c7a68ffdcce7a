package zookeepertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childEnv makes the test binary launch a server, print its pid and wait to be killed.
const childEnv = "POLYBOLT_ZOOKEEPERTEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		launchAndWait(dir)
	}
	goleak.VerifyTestMain(m)
}

func launchAndWait(dir string) {
	s, err := Launch(context.Background(), dir, Config{})
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(s.members[0].pid) + "\n")
	select {}
}

func TestStandalone(t *testing.T) {
	t.Parallel()
	s := Start(t)
	if mode, err := s.Mode(0); mode != "standalone" {
		t.Fatalf("mode = %q, %v", mode, err)
	}
	if got := s.Command(t, 0, "ruok"); got != "imok" {
		t.Errorf("ruok = %q", got)
	}
	if a, b := s.Root(), s.Root(); a == b {
		t.Errorf("two roots are both %s", a)
	}
}

func TestEnsembleElectsAnotherLeader(t *testing.T) {
	t.Parallel()
	s := StartEnsemble(t, 3)
	first := s.Leader(t)
	s.Kill(t, first)
	if _, err := s.Mode(first); err == nil {
		t.Errorf("member %d answers after it was killed", first)
	}
	if second := s.Leader(t); second == first {
		t.Errorf("dead member %d leads", first)
	}
	s.Restart(t, first)

	frozen := (first + 1) % 3
	s.Pause(t, frozen)
	if _, err := s.Mode(frozen); err == nil {
		t.Errorf("member %d answers while it is frozen", frozen)
	}
	s.Resume(t, frozen)
	s.WaitReady(t, frozen)
}

// The server must not outlive a test process that had no chance to stop it.
func TestServerDiesWithItsParent(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 32)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	waitUntil(t, "the server is gone", func() bool { return !alive(pid) })
}

// alive tells whether a process runs; one that nobody has waited for yet does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}
