package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
)

var historyBegan = time.Date(2030, 1, 1, 12, 0, 10, 0, time.UTC)

// sampleHistories are of two workers: the second one came two minutes later,
// and a spout of the first one had rows fail there.
func sampleHistories() []KeptHistory {
	took := func(d time.Duration, n int) metrics.Histogram {
		var h metrics.Histogram
		h.Add(d, n)
		return h
	}
	var list []KeptHistory
	for i, place := range []string{"x.0.0", "x.1.0"} {
		began := historyBegan.Add(time.Duration(i) * 2 * time.Minute)
		k := KeptHistory{Place: place, Host: "here", Run: 3, Worker: *metrics.NewHistory(began)}
		split := TaskHistory{Component: "split", Task: topology.TaskID(2 + i), History: *metrics.NewHistory(began)}
		at := began.Add(time.Minute)
		if i == 0 {
			spout := TaskHistory{Component: "lines", Task: 1, Spout: true, History: *metrics.NewHistory(began)}
			spout.Add(at, &metrics.Amounts{Counts: map[string]int64{"emitted": 50, "acked": 40}, Times: map[string]metrics.Histogram{"tree": took(time.Second, 40)}})
			k.Tasks = append(k.Tasks, spout)
			k.Worker.Add(at, &metrics.Amounts{Counts: map[string]int64{"acked": 40, "failed": 3, "split/exception": 2, "/timeout": 1}})
		}
		split.Add(at, &metrics.Amounts{Counts: map[string]int64{"received": 20}, Times: map[string]metrics.Histogram{"user": took(time.Millisecond, 20)}})
		k.Tasks = append(k.Tasks, split)
		list = append(list, k)
	}
	return list
}

func TestSumUp(t *testing.T) {
	t.Parallel()
	now := historyBegan.Add(5 * time.Minute)
	h := SumUp(sampleHistories(), "", "10m", now)
	for i, name := range []string{"10m", "3h", "1d", "all"} {
		w := h.Windows[i]
		want := Sums{Counts: map[string]int64{"acked": 40, "failed": 3, "dead": 0}, Failed: map[string]int64{"exception": 2, "timeout": 1}, Latency: w.Latency}
		delete(want.Counts, "dead")
		if diff := cmp.Diff(want, w.Sums); w.Window != name || !w.Since.Equal(historyBegan) || diff != "" || w.Latency["tree"].Count != 40 {
			t.Errorf("%+v: %s", w, diff)
		}
	}
	// 12:00:10 to 12:05:10 in slices of half a minute, of which the first and the last are short.
	if len(h.Points) != 11 || h.Points[0].Seconds != 20 || h.Points[5].Seconds != 30 || h.Points[10].Seconds != 10 || h.Points[2].Counts["acked"] != 40 || len(h.Points[3].Counts) != 0 {
		t.Errorf("%+v", h.Points)
	}
	if len(h.Tasks) != 0 || len(h.Components) != 2 || h.Components[0].Component != "lines" || h.Components[1].Windows[0].Counts["received"] != 40 || h.Components[1].Windows[0].Failed["exception"] != 2 {
		t.Errorf("%+v", h.Components)
	}

	h = SumUp(sampleHistories(), "split", "", now)
	if len(h.Points) != 0 || len(h.Components) != 0 || len(h.Tasks) != 2 || h.Windows[3].Counts["received"] != 40 || h.Windows[3].Latency["user"].Count != 40 || h.Windows[3].Failed["exception"] != 2 || h.Windows[3].Counts["acked"] != 0 {
		t.Errorf("%+v", h)
	}
	if !h.Tasks[1].Began.Equal(historyBegan.Add(2*time.Minute)) || h.Tasks[1].Place != "x.1.0" {
		t.Errorf("the task that came later: %+v", h.Tasks[1])
	}

	// Of what there is not, nothing; and what is over leaves the windows, but for the last.
	if h := SumUp(sampleHistories(), "nobody", "10m", now); len(h.Windows) != 4 || len(h.Points) != 0 || len(h.Windows[3].Counts) != 0 {
		t.Errorf("%+v", h)
	}
	h = SumUp(sampleHistories(), "", "3h", now.Add(26*time.Hour))
	if len(h.Windows[2].Counts) != 0 || h.Windows[3].Counts["acked"] != 40 || len(h.Points) > 21 {
		t.Errorf("%+v", h)
	}
	if h := SumUp(nil, "", "10m", now); len(h.Windows) != 4 || len(h.Points) != 0 {
		t.Errorf("%+v", h)
	}
}

func TestHistoryRoute(t *testing.T) {
	t.Parallel()
	_, url, _ := serve(t, here)
	c, err := NewClient([]string{url}, testToken)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	h, err := c.History(t.Context(), "words", "split", "1d")
	if err != nil || len(h.Tasks) != 2 || len(h.Silent) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
	r := route{method: "GET", path: "/v1/topologies/words/history?window=1w"}
	if answer := request(t, url, r, testToken); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a window of a week: %s", answer.Status)
	}
	if h, err := c.History(t.Context(), "words", "nope", ""); codeOf(err) != CodeNotFound || !strings.Contains(err.Error(), "there are: c") {
		t.Errorf("a component that is not there: %+v, %v", h, err)
	}
	// One that is there and has done nothing yet has no beginning.
	answer := request(t, url, route{method: "GET", path: "/v1/topologies/words/history?component=c"}, testToken)
	if text, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || strings.Contains(string(text), "0001-") {
		t.Errorf("%s: %s, %v", answer.Status, text, err)
	}
}
