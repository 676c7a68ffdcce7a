//go:build chaos

package crash

import (
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

// What a binary built with the tag chaos can be asked, by the environment.
const (
	// SignalVariable has SIGUSR2 panic in a goroutine of its own, if it is set.
	SignalVariable = "POLYBOLT_CHAOS_PANIC"

	// CountVariable has SIGUSR1 write the number of goroutines into a file of
	// this folder, which is named by the pid.
	CountVariable = "POLYBOLT_CHAOS_COUNT"
)

// arm has signals do what a bug would, and tell what a leak would leave.
var arm = sync.OnceFunc(func() {
	if os.Getenv(SignalVariable) != "" {
		on(syscall.SIGUSR2, func() { injected(nil) })
	}
	if dir := os.Getenv(CountVariable); dir != "" {
		on(syscall.SIGUSR1, func() { count(filepath.Join(dir, strconv.Itoa(os.Getpid()))) })
	}
})

// on calls f at each signal.
func on(sig os.Signal, f func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, sig)
	Go(func() {
		for range signals {
			f()
		}
	})
}

// injected is a bug.
func injected(m map[string]int) { m["injected"]++ }

// count writes the file whole, or not at all.
func count(file string) {
	if os.WriteFile(file+".new", []byte(strconv.Itoa(runtime.NumGoroutine())), 0o600) == nil {
		_ = os.Rename(file+".new", file) // whoever waits for it says that it does not come
	}
}
