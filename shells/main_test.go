package shells

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	GuardianMain()
	if runAsChild() {
		return
	}
	// The fork thread lives as long as the process: see forker.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/polybolt/polybolt/shells.forkThread"))
}

// runAsChild makes the test binary the program that SHELLS_TEST_CHILD names,
// and reports whether it was one.
func runAsChild() bool {
	name := os.Getenv("SHELLS_TEST_CHILD")
	if name == "" {
		return false
	}
	childPrograms[name]()
	return true
}
