package process

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/metrics/metricstest"
	"github.com/polybolt/polybolt/host/slot"
)

// A worker tells its figures to who knows its token and its certificate: as
// JSON, and as a page that promtool would take.
func TestFiguresOverTLS(t *testing.T) {
	t.Parallel()
	p := &Process{
		o:    Options{Log: slog.New(slog.DiscardHandler)},
		spec: &slot.Spec{Run: cluster.RunID{Topology: "t", Number: 2}, Place: cluster.Place{Supervisor: "0123456789abcdef", Slot: 1}, Address: "127.0.0.1"},
		figures: func(bool) api.WorkerFigures {
			return api.WorkerFigures{Started: time.Unix(1_900_000_000, 0), Acked: 5, Tasks: []api.TaskFigures{{Component: "c", Task: 3, Received: 9}}}
		},
	}
	p.failures = newFailures(p.o.Log, 0, func() []cluster.Failures { return []cluster.Failures{{Component: "c", Count: 4}} }, failureStore{})
	w, err := listenFigures(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	transport := &http.Transport{TLSClientConfig: api.Pinned(w.pin)}
	t.Cleanup(transport.CloseIdleConnections)
	get := func(path, token string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	for _, path := range []string{"/v1/figures", "/v1/failures", "/metrics"} {
		if status, _ := get(path, w.token+"x"); status != http.StatusUnauthorized {
			t.Errorf("%s with a wrong token: %d", path, status)
		}
	}
	var f api.WorkerFigures
	status, body := get("/v1/figures", w.token)
	if err := json.Unmarshal([]byte(body), &f); status != http.StatusOK || err != nil || f.Acked != 5 || f.Place == "" {
		t.Errorf("%d, %v\n%s", status, err, body)
	}
	var failed cluster.WorkerFailures
	status, body = get("/v1/failures", w.token)
	if err := json.Unmarshal([]byte(body), &failed); status != http.StatusOK || err != nil || failed.Whole || len(failed.Failures) != 1 || failed.Failures[0].Count != 4 {
		t.Errorf("%d, %v\n%s", status, err, body)
	}
	status, body = get("/metrics", w.token)
	problems, values := metricstest.Lint(body)
	if status != http.StatusOK || len(problems) > 0 {
		t.Errorf("%d, %q", status, problems)
	}
	worker := `topology="t",worker="` + f.Place + `"`
	if values["polybolt_worker_trees_acked_total{"+worker+"}"] != 5 || values["polybolt_task_received_total{"+worker+`,component="c",task="3"}`] != 9 {
		t.Errorf("the page is\n%s", body)
	}
}
