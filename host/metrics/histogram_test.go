package metrics_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/metrics/metricstest"
)

// What histograms say, over any split of the durations among tasks and moments,
// is what the sorted durations say, as far as buckets can tell.
func TestHistogramAgainstTheDurations(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var parts [3]metrics.Histogram
		var all []time.Duration
		var sum int64
		add := func(h *metrics.Histogram) {
			d := time.Duration(math.Exp(r.Float64() * math.Log(float64(time.Hour))))
			n := 1 + r.IntN(4)
			h.Add(d, n)
			for range n {
				all = append(all, d)
				sum += int64(d)
			}
		}
		for range 1 + r.IntN(60) {
			add(&parts[r.IntN(3)])
		}
		merged := parts[0].Clone()
		merged.Merge(&parts[1])
		before := merged.Clone()
		old := len(before.Counts)
		merged.Merge(&parts[2])
		since := merged.Since(&before)
		if len(before.Counts) != old || since.Count() != parts[2].Count() || since.Sum != parts[2].Sum || since.Quantile(0.5) != parts[2].Quantile(0.5) {
			t.Fatalf("since %+v: %+v, want %+v", before, since, parts[2])
		}
		slices.Sort(all)
		if merged.Count() != int64(len(all)) || merged.Sum != sum || merged.Mean() != time.Duration(sum/int64(len(all))) {
			t.Fatalf("%+v of %v", merged, all)
		}
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
			got, want := merged.Quantile(q), all[max(int(math.Ceil(q*float64(len(all))))-1, 0)]
			if math.Abs(float64(got-want)) > 0.25*float64(want)+64 {
				t.Fatalf("quantile %v is %v, the durations say %v", q, got, want)
			}
		}
		b, err := json.Marshal(&merged)
		if err != nil {
			t.Fatal(err)
		}
		var back metrics.Histogram
		if err := json.Unmarshal(b, &back); err != nil || back.Quantile(0.9) != merged.Quantile(0.9) || len(b) > 600 {
			t.Fatalf("%v, %d bytes: %s", err, len(b), b)
		}
		for _, bound := range metrics.Bounds {
			n, _ := slices.BinarySearch(all, bound)
			if merged.Below(bound) != int64(n) {
				t.Fatalf("%d below %v, want %d", merged.Below(bound), bound, n)
			}
		}
	}
}

// Extremes, and what no histogram of ours would send.
func TestHistogramTakesAnything(t *testing.T) {
	t.Parallel()
	var h metrics.Histogram
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Count() != 0 {
		t.Errorf("the empty one is not empty: %+v", h)
	}
	h.Add(-time.Second, 1)
	h.Add(0, 1)
	h.Add(math.MaxInt64, 1)
	if h.Count() != 3 || len(h.Counts) > metrics.Buckets || h.Quantile(0.3) > 64 || h.Quantile(1) < time.Hour {
		t.Errorf("%+v", h)
	}
	for _, text := range []string{
		`{"first":-5,"counts":[1,2,3,4,5,6,-7]}`, `{"first":100000000000,"counts":[1]}`, `{"first":139,"counts":[1,2,3,4]}`, `{"counts":null}`,
	} {
		var strange metrics.Histogram
		if err := json.Unmarshal([]byte(text), &strange); err != nil {
			t.Fatal(err)
		}
		strange.Quantile(0.5)
		count := h.Count()
		since := h.Since(&strange)
		h.Merge(&strange)
		if since.Count() > count || h.Count() > count+8 || len(h.Counts) > metrics.Buckets {
			t.Errorf("%s: %+v", text, h)
		}
	}
}

func TestHistogramOnAPage(t *testing.T) {
	t.Parallel()
	var h metrics.Histogram
	h.Add(500*time.Nanosecond, 2)
	h.Add(3*time.Millisecond, 5)
	h.Add(2*time.Hour, 1)
	var p metrics.Page
	p.AddHistogram("polybolt_x_seconds", "X.", &h, metrics.Label{Name: "stage", Value: "queue"})
	p.AddHistogram("polybolt_x_seconds", "X.", &metrics.Histogram{}, metrics.Label{Name: "stage", Value: "user"})
	page := string(p.Bytes())
	problems, values := metricstest.Lint(page)
	if len(problems) > 0 || values[`polybolt_x_seconds_count{stage="queue"}`] != 8 || values[`polybolt_x_seconds_bucket{stage="queue",le="1.024e-06"}`] != 2 ||
		values[`polybolt_x_seconds_bucket{stage="queue",le="0.004194304"}`] != 7 || values[`polybolt_x_seconds_bucket{stage="queue",le="+Inf"}`] != 8 || values[`polybolt_x_seconds_sum{stage="queue"}`] < 7200 {
		t.Errorf("%q\n%s", problems, page)
	}
	// The check finds what is wrong with one.
	for from, to := range map[string]string{
		`le="1.024e-06"} 2`: `le="1.024e-06"} 9`, `_count{stage="queue"} 8`: `_count{stage="queue"} 7`, `,le="+Inf"} 0`: `,e="+Inf"} 0`,
		`_sum{stage="user"}`: `_total{stage="user"}`,
	} {
		if problems, _ := metricstest.Lint(strings.Replace(page, from, to, 1)); len(problems) == 0 {
			t.Errorf("%q is not found to be wrong", to)
		}
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h metrics.Histogram
	d := time.Duration(1)
	for b.Loop() {
		if d *= 3; d > time.Minute {
			d = 1
		}
		h.Add(d, 100)
	}
}
