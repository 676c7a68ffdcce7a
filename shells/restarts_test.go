package shells

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRestartsBackOffOnlyWithoutWork(t *testing.T) {
	t.Parallel()
	epoch := time.Unix(1000, 0)
	ms := time.Millisecond
	for _, test := range []struct {
		name   string
		worked []bool // death by death, each 10 ms after the start
		jitter float64
		want   []time.Duration // from death to start
		loop   int
		first  string
	}{
		{"the first death", []bool{false}, 0, []time.Duration{0}, 1, "death 0"},
		{"a crash loop", []bool{false, false, false, false, false, false, false, false, false, false}, 0,
			[]time.Duration{0, 500 * ms, 1000 * ms, 2000 * ms, 4000 * ms, 8000 * ms, 16000 * ms, 30000 * ms, 30000 * ms, 30000 * ms}, 10, "death 0"},
		{"jitter", []bool{false, false, false}, 0.5, []time.Duration{0, 375 * ms, 750 * ms}, 3, "death 0"},
		{"working", []bool{true, true, true}, 0, []time.Duration{0, 240 * ms, 240 * ms}, 0, ""},
		{"recovered", []bool{false, false, true, false}, 0, []time.Duration{0, 500 * ms, 240 * ms, 240 * ms}, 1, "death 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var r Restarts
			now := epoch
			for i, worked := range test.worked {
				started := now
				now = now.Add(10 * ms)
				at := r.Died(now, started, worked, "death "+string(rune('0'+i)), test.jitter)
				if got := at.Sub(now); got != test.want[i] {
					t.Errorf("death %d: restart after %s, want %s", i, got, test.want[i])
				}
				now = at
			}
			if r.Loop != test.loop || r.First != test.first || r.Total != len(test.worked) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestRestartsForgiveALongLife(t *testing.T) {
	t.Parallel()
	var r Restarts
	now := time.Unix(1000, 0)
	for range 20 {
		started := now
		now = now.Add(time.Hour) // idle, then dead
		if at := r.Died(now, started, false, "x", 0); at != now || r.Loop != 1 {
			t.Fatalf("restart after %s, %+v", at.Sub(now), r)
		}
	}
	r.Died(now, now, false, "y", 0)
	if r.Worked(); r.Loop != 0 || r.First != "" {
		t.Errorf("%+v", r)
	}
}

func TestRestartsKeepTheirPace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r Restarts
		now := time.Unix(1000, 0)
		var starts []time.Time
		for range rapid.IntRange(1, 50).Draw(t, "deaths") {
			started := now
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "life")))
			at := r.Died(now, started, rapid.Bool().Draw(t, "worked"), "x", rapid.Float64Range(0, 0.999).Draw(t, "jitter"))
			if at.Before(now) || at.Sub(now) > backoffMax {
				t.Fatalf("restart after %s", at.Sub(now))
			}
			now = at
			starts = append(starts, at)
			if n := len(starts); n > 4 && starts[n-1].Sub(starts[n-5]) < time.Second {
				t.Fatalf("five restarts in %s", starts[n-1].Sub(starts[n-5]))
			}
		}
	})
}
