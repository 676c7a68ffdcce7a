package process

import (
	"context"
	"fmt"
	"time"

	"github.com/polybolt/polybolt/host/crash"
)

// Of the watchdog.
const (
	watchEvery = time.Second
	watchLimit = 30 // of these without an answer: then the process aborts
)

// watchdog aborts the process when a probe, which takes the engine's locks,
// does not return: a process that is stuck keeps its place and its session, and
// nobody else can tell it from one that has nothing to do. Time is counted in
// its own ticks, so that a process which was stopped, or a machine which slept, is not blamed.
func watchdog(ctx context.Context, probe func(), tick <-chan time.Time, abort func(ticks int)) {
	for {
		answered := make(chan struct{})
		crash.Go(func() {
			probe()
			close(answered)
		})
		for ticks := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick:
				ticks++
			}
			select {
			case <-answered:
			default:
				if ticks >= watchLimit {
					abort(ticks)
					return
				}
				continue
			}
			break
		}
	}
}

// abort ends the process with what all goroutines do, for the log.
func abort(ticks int) {
	crash.Now(fmt.Sprintf("the engine has not answered for %v: ending, so that another worker takes over", time.Duration(ticks)*watchEvery))
}
