package slot

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// serveVariable makes the test binary a worker with a socket at its value.
const serveVariable = "POLYBOLT_TEST_SLOT"

func TestMain(m *testing.M) {
	if path := os.Getenv(serveVariable); path != "" {
		os.Exit(serveHere(path))
	}
	goleak.VerifyTestMain(m)
}

// serveHere is a worker's process, until it is told to stop.
func serveHere(path string) int {
	w := worker(slog.New(slog.DiscardHandler))
	stopped := make(chan struct{})
	w.Stop = func() { close(stopped) }
	s, err := Listen(path, w)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := contextUntil(stopped)
	defer cancel()
	fmt.Println("ready")
	if err := s.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
