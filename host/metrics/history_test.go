package metrics_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/host/metrics"
)

// event is one call of Add, as a naive model remembers it.
type event struct {
	at   time.Time
	name string
	n    int64
}

// A history says of each window what a list of everything that ever happened
// says, across being written and read again, and clocks that go back or leap.
func TestHistoryAgainstAList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "start")))
		began, latest := now, now
		h := metrics.NewHistory(now)
		var list []event
		step := rapid.OneOf(rapid.Int64Range(0, int64(20*time.Second)), rapid.Int64Range(0, int64(20*time.Minute)), rapid.Int64Range(-int64(time.Minute), int64(40*time.Hour)))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(step.Draw(t, "step")))
			what := rapid.IntRange(0, 5).Draw(t, "what")
			if what > 0 && now.After(latest) {
				latest = now
			}
			switch what {
			case 0:
				b, err := json.Marshal(h)
				if err != nil {
					t.Fatal(err)
				}
				h = &metrics.History{}
				if err := json.Unmarshal(b, h); err != nil {
					t.Fatal(err)
				}
			case 1:
				h.Add(now, &metrics.Amounts{})
			default:
				e := event{latest, fmt.Sprint("c", rapid.IntRange(0, 2).Draw(t, "name")), rapid.Int64Range(1, 1000).Draw(t, "n")}
				var took metrics.Histogram
				took.Add(time.Duration(e.n)*time.Microsecond, 1)
				h.Add(now, &metrics.Amounts{Counts: map[string]int64{e.name: e.n}, Times: map[string]metrics.Histogram{e.name: took}})
				list = append(list, e)
			}
			seen := latest // looking leaves no trace
			if now.After(seen) {
				seen = now
			}
			check(t, h, now, seen, began, list)
		}
	})
}

func check(t *rapid.T, h *metrics.History, now, latest, began time.Time, list []event) {
	for i, w := range metrics.Windows {
		want, times := map[string]int64{}, map[string]int64{}
		for _, e := range list {
			if e.at.Truncate(w.Slice).Add(w.Slice).After(latest.Add(-w.Length)) {
				want[e.name] += e.n
				times[e.name]++
			}
		}
		since, points := h.Over(now, i)
		var got metrics.Amounts
		for k, p := range points {
			got.Add(&p.Amounts)
			if k > 0 && !points[k-1].From.Before(p.From) || p.From.Add(w.Slice).Before(since) {
				t.Fatalf("%s: a point from %v in %v, since %v", w.Name, p.From, points, since)
			}
		}
		if len(points) > 21 || fmt.Sprint(got.Counts) != fmt.Sprint(want) {
			t.Fatalf("%s at %v: %v, %d points, want %v", w.Name, now, got.Counts, len(points), want)
		}
		for name, n := range times {
			if took := got.Times[name]; took.Count() != n {
				t.Fatalf("%s: %d times of %s, want %d", w.Name, took.Count(), name, n)
			}
		}
		if since.Before(began) || latest.Sub(since) > w.Length+w.Slice {
			t.Fatalf("%s: since %v, began %v, now %v", w.Name, since, began, latest)
		}
	}
	all := map[string]int64{}
	for _, e := range list {
		all[e.name] += e.n
	}
	if len(list) > 0 && fmt.Sprint(h.All.Counts) != fmt.Sprint(all) {
		t.Fatalf("all: %v, want %v", h.All.Counts, all)
	}
}

func TestAmountsSince(t *testing.T) {
	t.Parallel()
	var took metrics.Histogram
	took.Add(time.Second, 3)
	before := metrics.Amounts{Counts: map[string]int64{"a": 5, "b": 1}, Times: map[string]metrics.Histogram{"x": took.Clone()}}
	if d := before.Since(&before); d.Counts != nil || d.Times != nil {
		t.Errorf("%+v", d)
	}
	took.Add(time.Minute, 1)
	after := metrics.Amounts{Counts: map[string]int64{"a": 7, "b": 1, "c": 2}, Times: map[string]metrics.Histogram{"x": took, "y": took}}
	d := after.Since(&before)
	x, y := d.Times["x"], d.Times["y"]
	if fmt.Sprint(d.Counts) != "map[a:2 c:2]" || x.Count() != 1 || x.Sum != int64(time.Minute) || y.Count() != 4 {
		t.Errorf("%+v", d)
	}
}
