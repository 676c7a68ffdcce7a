package judge_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/shells"
)

// sdk holds our own libraries, unpacked once for all tests.
var sdk *shells.SDK

func TestMain(m *testing.M) {
	state, err := os.MkdirTemp("", "polybolt-judge-")
	if err == nil {
		sdk, err = shells.OpenSDK(state)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 {
		// One goroutine forks for the whole process, on purpose.
		if err := goleak.Find(goleak.IgnoreTopFunction("github.com/polybolt/polybolt/shells.forkThread")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := os.RemoveAll(state); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
