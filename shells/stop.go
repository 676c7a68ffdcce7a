package shells

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// errStuck is Stop's error for a process that not even SIGKILL ends.
var errStuck = errors.New("it is still there after SIGKILL: it hangs inside the kernel (state D), most often on a file system that does not answer")

// stuckAfter is how long a killed process may take to go.
const stuckAfter = 10 * time.Second

// Deadlines are the steps of [Child.Stop], each measured from the one before.
type Deadlines struct {
	Exit time.Duration // to exit by itself, before SIGTERM goes to its process group; 0 = SIGTERM at once
	Term time.Duration // to act on SIGTERM, before SIGKILL goes to all it started
}

// Stop waits for the child to exit by itself (tell it to before), then asks
// it by SIGTERM, then ends it and all it started. When ctx ends, it does the
// last step at once. It returns when the process is dead; the error says that
// it cannot be ended. why, if a signal was needed, is in [Exit.Err].
func (c *Child) Stop(ctx context.Context, d Deadlines, why error) error {
	if c.over(ctx, d.Exit) {
		return nil
	}
	if ctx.Err() == nil {
		c.blame(why)
		c.process.signal(syscall.SIGTERM, true)
		c.process.signal(syscall.SIGCONT, true) // a stopped process cannot act on it
		if c.over(ctx, d.Term) {
			return nil
		}
	}
	c.Kill(why)
	if !c.over(context.WithoutCancel(ctx), stuckAfter) {
		return errStuck
	}
	return nil
}

// over waits for the child's death, for at most d, and tells whether it is dead.
func (c *Child) over(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.dead:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	select {
	case <-c.dead:
		return true
	default:
		return false
	}
}
