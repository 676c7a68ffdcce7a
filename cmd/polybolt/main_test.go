package main

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/tools/program"
)

// binary is the program under test.
var binary string

// patience bounds everything that a test waits for. It is long because the
// machine may be busy with other packages' tests.
const patience = 90 * time.Second

func TestMain(m *testing.M) { os.Exit(program.Main(m, &binary)) }

// repository returns a path below the repository's root.
func repository(path ...string) string {
	return filepath.Join(append([]string{"..", ".."}, path...)...)
}

// copyFolder copies the files of a folder, without what is installed there or
// made by a run, to a temporary one.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range filesOf(t, from) {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// filesOf lists the files of a folder that git would keep.
func filesOf(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"node_modules", "vendor", "__pycache__"}, entry.Name()) {
			return fs.SkipDir
		}
		if !entry.IsDir() {
			name, err := filepath.Rel(dir, path)
			names = append(names, name)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// start runs polybolt in dir. It is killed at the end of the test at the latest.
func start(t *testing.T, dir string, args ...string) *program.Program {
	t.Helper()
	return startWith(t, dir, nil, args...)
}

// startWith is start with an environment other than that of the test.
func startWith(t *testing.T, dir string, environ []string, args ...string) *program.Program {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = dir, environ
	return program.Start(t, patience, cmd)
}

// eventually polls a condition until it holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	program.Eventually(t, patience, what, condition)
}

// command runs a program that is not polybolt, such as an installer.
func command(t *testing.T, dir string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
