package process

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// An engine that answers is left alone however slow it is below the limit; one
// that does not is given up after the limit, and not before.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		var probes atomic.Int64
		stuck := make(chan struct{})
		since := make(chan time.Time, 1)
		given := 0
		watchdog(t.Context(), func() {
			switch probes.Add(1) {
			case 2:
				time.Sleep((watchLimit - 1) * watchEvery) // a slow one
			case 5:
				since <- time.Now()
				<-stuck
			}
		}, ticker.C, func(n int) { given = n })
		if took := time.Since(<-since); probes.Load() != 5 || given != watchLimit || took != watchLimit*watchEvery {
			t.Errorf("given up after %d probes, %d ticks and %v", probes.Load(), given, took)
		}
		close(stuck)
	})
}

// It ends with its context, and leaves nothing behind.
func TestWatchdogEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		watchdog(ctx, func() {}, ticker.C, func(int) { t.Error("given up") })
	})
}
