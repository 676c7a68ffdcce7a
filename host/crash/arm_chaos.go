//go:build chaos

package crash

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// SignalVariable names the environment variable that, if it is set in a binary
// built with the tag chaos, has SIGUSR2 panic in a goroutine of its own.
const SignalVariable = "POLYBOLT_CHAOS_PANIC"

// arm has a signal do what a bug would.
var arm = sync.OnceFunc(func() {
	if os.Getenv(SignalVariable) == "" {
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR2)
	Go(func() {
		<-signals
		injected(nil)
	})
})

// injected is a bug.
func injected(m map[string]int) { m["injected"]++ }
