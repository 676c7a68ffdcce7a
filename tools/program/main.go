package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests of a package that starts polybolts, and returns the exit
// code of the test program. It builds polybolt as make does, or with -race if
// that is among the flags of go build, and stores its path: what a test runs is
// what a user runs, guardian and signals included. All tests share a folder of
// state, so that the SDKs are unpacked once.
func Main(m *testing.M, binary *string, flags ...string) int {
	dir, err := os.MkdirTemp("", "polybolt-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	*binary = filepath.Join(dir, "bin", "polybolt")
	args := append([]string{"build", "-o", *binary}, flags...)
	build := exec.Command("go", append(args, "github.com/polybolt/polybolt/cmd/polybolt")...)
	if !slices.Contains(flags, "-race") { // which needs cgo
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	os.Setenv("POLYBOLT_HOME", filepath.Join(dir, "state"))
	os.Setenv("NO_COLOR", "1")
	if code := m.Run(); code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
