package scenarios

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// binary is the program under test, as a user builds it.
var binary string

// patience bounds everything that a test waits for: the machine may be busy.
const patience = 5 * time.Minute

// atOnce is how many tests run at the same time: most of them wait.
const atOnce = "6"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "polybolt-scenarios-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "bin", "polybolt")
		build := exec.Command("go", "build", "-o", binary, "../../cmd/polybolt")
		if build.Env = append(os.Environ(), "CGO_ENABLED=0"); raced {
			build = exec.Command("go", "build", "-race", "-o", binary, "../../cmd/polybolt")
		}
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		// The tests share a state folder, so that the SDKs are unpacked once.
		os.Setenv("POLYBOLT_HOME", filepath.Join(dir, "state"))
		os.Setenv("NO_COLOR", "1")
		flag.Parse()
		parallel := false
		flag.Visit(func(f *flag.Flag) { parallel = parallel || f.Name == "test.parallel" })
		if !parallel {
			if err := flag.Set("test.parallel", atOnce); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		if code := m.Run(); code != 0 {
			return code
		}
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}())
}
