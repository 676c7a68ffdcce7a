package worker

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

// It looks at the whole process's memory, so no other test runs beside it.
func TestBallastRaisesTheGoalOfTheCollector(t *testing.T) {
	goal := func() uint64 {
		runtime.GC()
		s := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	release := ballast()
	with := goal()
	release()
	if without := goal(); with < 2*ballastSize || without > with-ballastSize {
		t.Errorf("the goal is %d bytes with it, and %d without", with, without)
	}
}
