package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/metrics/metricstest"
	"github.com/polybolt/polybolt/host/topology"
)

// counting is a service whose figures move, and that counts how often it is asked.
type counting struct {
	recorder
	asked atomic.Int64
	gone  atomic.Bool
	sick  atomic.Bool // no errors are to be had
}

func (c *counting) Figures(context.Context, topology.Name) (*Figures, error) {
	n := c.asked.Add(1)
	return &Figures{Workers: []WorkerFigures{{
		Place: "m.1.0", Started: time.Unix(1_900_000_000, 0), Acked: n, Failed: 3, ByCause: map[string]int64{"exception": 2, "timeout": 1},
		Tasks: []TaskFigures{
			{Component: "s", Spout: true, Task: 1, PID: 7, Emitted: 10 * n, Pending: 4, P50: 1_500_000, P99: 2_000_000_000},
			{Component: "b", Task: 2, Received: 10 * n, Row: 250_000, Metrics: []Metric{
				{"seen", "counter", 5, 5}, {"a \"name\"", "gauge", -1.5, 9}, {"took", "histogram", 2.5, 4}, {"seen", "gauge", 7, 1},
			}},
			{Component: "b", Task: 2, Received: 99},
		},
	}}}, nil
}

func (c *counting) Status(_ context.Context, n topology.Name) (*Status, error) {
	if c.gone.Load() {
		return nil, Errorf(CodeNotFound, "there is no topology %q", n)
	}
	return &Status{Topology: sampleTopology}, nil
}

func (c *counting) Errors(context.Context, topology.Name) ([]ComponentErrors, error) {
	if c.sick.Load() {
		return nil, errors.New("the errors cannot be read")
	}
	return []ComponentErrors{}, nil
}

// serveCounting serves one; ending ends its streams.
func serveCounting(t *testing.T) (c *counting, url string, ending chan struct{}) {
	t.Helper()
	c, ending = &counting{}, make(chan struct{})
	log := slog.New(slog.DiscardHandler)
	s := NewServer(Handler(HandlerOptions{
		Service: c, Guard: &Guard{Token: testToken, Roles: map[Role]string{Viewer: testToken + roleToken(Viewer)}, Log: log},
		MaxBundle: 1 << 20, Log: log, Version: "1.2.3", Leader: here, Ending: ending,
	}), log)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return c, "http://" + l.Addr().String(), ending
}

// listen opens a stream of events. The caller closes its body.
func listen(ctx context.Context, c *http.Client, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set(Header, "1")
	r.Header.Set("Authorization", "Bearer "+testToken+roleToken(Viewer))
	return c.Do(r)
}

// until reads events until one of a kind satisfies f.
func until(body io.Reader, kind string, f func(data []byte) bool) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	var event string
	for lines.Scan() {
		if e, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = e
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && event == kind && f([]byte(data)) {
			return nil
		}
	}
	return errors.Join(lines.Err(), errors.New("the stream ended"))
}

// Two hundred listeners hear what changes, and the workers are asked no oftener
// than for one. When the last is gone nobody asks any more.
func TestManyListeners(t *testing.T) {
	t.Parallel()
	s, url, _ := serveCounting(t)
	c := client(t)
	c.Transport.(*http.Transport).MaxIdleConnsPerHost = -1
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const listeners = 200
	began := time.Now()
	var wg sync.WaitGroup
	for range listeners {
		wg.Go(func() {
			answer, err := listen(ctx, c, url+"/v1/topologies/t/events")
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			if kind := answer.Header.Get("Content-Type"); kind != eventStream {
				t.Errorf("the type is %s", kind)
			}
			if err := until(answer.Body, "figures", func(data []byte) bool {
				var f Figures
				return json.Unmarshal(data, &f) == nil && f.Workers[0].Acked >= 3
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// Once a second, however many listen; a feed that all have left begins anew.
	if n := s.asked.Load(); n > 8+2*int64(time.Since(began)/feedPeriod) {
		t.Errorf("the workers were asked %d times in %v", n, time.Since(began))
	}
}

// A listener that does not read is left behind: the others hear on.
func TestSlowListener(t *testing.T) {
	t.Parallel()
	_, url, _ := serveCounting(t)
	c := client(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	slow, err := listen(ctx, c, url+"/v1/topologies/t/events")
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	quick, err := listen(ctx, c, url+"/v1/topologies/t/events")
	if err != nil {
		t.Fatal(err)
	}
	defer quick.Body.Close()
	seen := 0
	if err := until(quick.Body, "figures", func([]byte) bool { seen++; return seen == 3 }); err != nil {
		t.Error(err)
	}
}

// Trouble with one subject ends when that can be looked at again: who listens
// hears so, and who comes later hears nothing of it.
func TestTroubleEnds(t *testing.T) {
	t.Parallel()
	s, url, _ := serveCounting(t)
	c := client(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.sick.Store(true)
	first, err := listen(ctx, c, url+"/v1/topologies/t/events")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Body.Close()
	saying := func(text string) func([]byte) bool {
		return func(data []byte) bool {
			var got trouble
			return json.Unmarshal(data, &got) == nil && got == trouble{"errors", text}
		}
	}
	if err := until(first.Body, "trouble", saying("the errors cannot be read")); err != nil {
		t.Fatal(err)
	}
	s.sick.Store(false)
	if err := until(first.Body, "trouble", saying("")); err != nil {
		t.Fatal(err)
	}
	second, err := listen(ctx, c, url+"/v1/topologies/t/events")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Body.Close()
	seen := 0
	var heard bytes.Buffer
	if err := until(io.TeeReader(second.Body, &heard), "figures", func([]byte) bool { seen++; return seen == 2 }); err != nil || strings.Contains(heard.String(), "trouble") {
		t.Errorf("%v; who comes later hears %s", err, heard.String())
	}
}

// What is not there is an error, not a stream; what goes while one listens ends
// it with the reason; and so does the end of the server, without one.
func TestEventsEnd(t *testing.T) {
	t.Parallel()
	s, url, ending := serveCounting(t)
	c := client(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	open, err := listen(ctx, c, url+"/v1/topologies/t/events")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Body.Close()
	s.gone.Store(true)
	if err := until(open.Body, "end", func(data []byte) bool {
		var e Error
		return json.Unmarshal(data, &e) == nil && e.Code == CodeNotFound
	}); err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; { // the figures may be there before the status is refused
		answer, err := listen(ctx, c, url+"/v1/topologies/t/events")
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusNotFound {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a topology that is gone: %s", answer.Status)
		}
	}
	cluster, err := listen(ctx, c, url+"/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Body.Close()
	if err := until(cluster.Body, "topologies", func(data []byte) bool { return strings.Contains(string(data), `"name":"t"`) }); err != nil {
		t.Error(err)
	}
	close(ending)
	if _, err := io.Copy(io.Discard, cluster.Body); err != nil {
		t.Error(err)
	}
}

// A scraper needs a token of any role, and no header of ours; the page is as
// promtool wants it.
func TestScrape(t *testing.T) {
	t.Parallel()
	_, url, _ := serveCounting(t)
	get := func(token, origin string) (int, string, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		answer, err := client(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Header.Get("Content-Type"), string(body)
	}
	if status, _, _ := get("", ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	if status, _, _ := get(testToken, "http://evil.example"); status != http.StatusForbidden {
		t.Errorf("from a page of another site: %d", status)
	}
	status, kind, page := get(testToken+roleToken(Viewer), "")
	if status != http.StatusOK || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("%d, %s", status, kind)
	}
	problems, values := metricstest.Lint(page)
	for _, p := range problems {
		t.Error(p)
	}
	for id, want := range map[string]float64{
		`polybolt_nimbus_leader`:                               1,
		`polybolt_nimbus_info{version="1.2.3"}`:                1,
		`polybolt_topology_state{topology="t",state="active"}`: 1,
		`polybolt_worker_attempts_failed_by_cause_total{topology="t",worker="m.1.0",cause="exception"}`:    2,
		`polybolt_task_received_total{topology="t",worker="m.1.0",component="b",task="2"}`:                 10,
		`polybolt_task_row_seconds{topology="t",worker="m.1.0",component="b",task="2"}`:                    0.00025,
		`polybolt_spout_tree_seconds{topology="t",worker="m.1.0",component="s",task="1",quantile="0.99"}`:  2,
		`polybolt_task_up{topology="t",worker="m.1.0",component="s",task="1"}`:                             1,
		`polybolt_worker_start_time_seconds{topology="t",worker="m.1.0"}`:                                  1.9e9,
		`polybolt_user_counter_total{topology="t",worker="m.1.0",component="b",task="2",name="seen"}`:      5,
		`polybolt_user_gauge{topology="t",worker="m.1.0",component="b",task="2",name="a \"name\""}`:        -1.5,
		`polybolt_user_observations_sum{topology="t",worker="m.1.0",component="b",task="2",name="took"}`:   2.5,
		`polybolt_user_observations_total{topology="t",worker="m.1.0",component="b",task="2",name="took"}`: 4,
	} {
		if got, there := values[id]; !there || got != want {
			t.Errorf("%s is %v (%v), want %v", id, got, there, want)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}
