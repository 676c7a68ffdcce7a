package embedded

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		serveUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}
