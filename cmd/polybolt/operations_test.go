package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The commands of docs/operations.md that need neither root nor systemd are run here, as one reads them.
func TestOperationsCommands(t *testing.T) {
	t.Parallel()
	shell := blocks(t, repository("docs", "operations.md"), "sh")
	if len(shell) != 3 || !strings.HasPrefix(shell[2], "openssl ") { // which host/hosttest runs
		t.Fatalf("docs/operations.md has %d blocks of commands, and this test knows three", len(shell))
	}
	// Not t.TempDir: the path of a socket must be short.
	dir, err := os.MkdirTemp("", "pb-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := sandbox{t, dir}
	s.run(shell[0], "The key of a new cluster is in cluster.key")
	dev := startWith(t, dir, s.environ(), "dev", "--listen", "127.0.0.1:0")
	eventually(t, "the cluster answers", func() bool {
		stdout, _ := dev.Output()
		return strings.Contains(stdout, "A cluster with") && startWith(t, dir, s.environ(), "list").Wait() == 0
	})
	s.run(shell[1], "ok", "no topology")
}

// Commands and their flags, as documents and units write them.
var (
	usedCommand = regexp.MustCompile("(?m)(?:^|`|/usr/local/bin/)polybolt ([a-z]+)((?: +[^`\n]*)?)")
	usedFlag    = regexp.MustCompile(`--[a-z-]+`)
)

// Every command and every flag that the page and the units name exists.
func TestOperationsNamesWhatExists(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(repository("docs", "systemd", "*.service"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	seen := 0
	for _, file := range append(files, repository("docs", "operations.md")) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range usedCommand.FindAllStringSubmatch(string(b), -1) {
			c, _, err := newRoot().Find([]string{m[1]})
			if err != nil || c.Name() == "polybolt" {
				t.Errorf("%s: there is no command %q", file, m[0])
				continue
			}
			for _, flag := range usedFlag.FindAllString(m[2], -1) {
				seen++
				if c.Flags().Lookup(strings.TrimPrefix(flag, "--")) == nil {
					t.Errorf("%s: %s has no %s", file, c.CommandPath(), flag)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d flags were looked at", seen)
	}
}

// systemd finds nothing wrong with the units, where there is a systemd.
func TestUnits(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("there is no systemd-analyze")
	}
	dir := t.TempDir()
	for _, name := range []string{"polybolt-nimbus.service", "polybolt-supervisor.service"} {
		b, err := os.ReadFile(repository("docs", "systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "/usr/local/bin/polybolt", binary) // it has to be there
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), analyze, "verify", filepath.Join(dir, name))
		cmd.WaitDelay = time.Second
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
