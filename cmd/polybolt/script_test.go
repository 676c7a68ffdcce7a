package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what commands print into testdata")

// The scripts of testdata are what a user types, and what comes of it. Beyond
// testscript's own commands there is
//
//	polybolt CODE ARGUMENT…    runs it, and compares its exit code
func TestScripts(t *testing.T) {
	t.Parallel()
	state, err := filepath.Abs(os.Getenv("POLYBOLT_HOME"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"polybolt": scriptPolybolt},
		Setup: func(e *testscript.Env) error {
			e.Setenv("POLYBOLT_HOME", state)
			e.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("NO_COLOR", "1")
			e.Setenv("NIMBUS_NOWHERE", "http://127.0.0.1:1") // a port that nobody listens on
			return nil
		},
	})
}

func scriptPolybolt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: polybolt CODE ARGUMENT…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "POLYBOLT_HOME", "NO_COLOR", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err = cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		ts.Fatalf("polybolt %v: %v", args[1:], err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("polybolt %v: exit code %d, want %d", args[1:], got, want)
	}
}
