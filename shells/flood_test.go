package shells

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFloodPassesABurstAndThenARate(t *testing.T) {
	t.Parallel()
	var f flood
	now := time.Unix(1000, 0)
	passed, missed, gaps := 0, 0, 0
	for range 100_000 { // 10 s at 10,000 lines a second
		now = now.Add(100 * time.Microsecond)
		ok, m := f.admit(now, 10)
		if ok {
			passed++
		}
		if missed += m; m > 0 {
			gaps++
		}
	}
	missed += f.take()
	if passed+missed != 100_000 {
		t.Errorf("%d passed and %d missed", passed, missed)
	}
	if passed < floodLines+6000 || passed > floodLines+10*floodLineRate {
		t.Errorf("%d passed", passed)
	}
	if gaps > 10 {
		t.Errorf("%d gaps: too finely chopped to read", gaps)
	}
}

func TestFloodCountsBytes(t *testing.T) {
	t.Parallel()
	var f flood
	now := time.Unix(1000, 0)
	passed := 0
	for range 2000 {
		if ok, _ := f.admit(now, MaxLine); ok {
			passed++
		}
	}
	if passed != floodBytes/MaxLine {
		t.Errorf("%d lines of 8 KiB passed", passed)
	}
	if ok, missed := f.admit(now.Add(time.Hour), 1); !ok || missed != 2000-passed {
		t.Errorf("after an hour: %v, %d missed", ok, missed)
	}
}

// Every line either passes or is counted; an honest child is never cut.
func TestFloodLosesNoCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var f flood
		now := time.Unix(1000, 0)
		passed, missed, n := 0, 0, 0
		honest := true
		for range rapid.IntRange(1, 20).Draw(t, "bursts") {
			pause := rapid.Int64Range(0, int64(30*time.Second)).Draw(t, "pause")
			now = now.Add(time.Duration(pause))
			lines := rapid.IntRange(0, 30_000).Draw(t, "lines")
			honest = honest && lines*100 < floodBytes && (lines <= floodLines && pause > int64(21*time.Second))
			for range lines {
				n++
				ok, m := f.admit(now, 100)
				if ok {
					passed++
				}
				missed += m
			}
		}
		missed += f.take()
		if passed+missed != n || honest && missed > 0 {
			t.Fatalf("%d lines: %d passed, %d missed, honest: %v", n, passed, missed, honest)
		}
	})
}
