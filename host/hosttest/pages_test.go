package hosttest

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/metrics/metricstest"
)

// page fetches a page of figures, which has to be as promtool wants it, and
// returns the values of its samples.
func page(t *testing.T, url, token, pin string) map[string]float64 {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set(api.Header, "1")
	transport := &http.Transport{DisableKeepAlives: true}
	if pin != "" {
		transport.TLSClientConfig = api.Pinned(pin)
	}
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != metrics.ContentType {
		t.Fatalf("%s: %s, %v\n%s", url, answer.Status, err, text)
	}
	problems, values := metricstest.Lint(string(text))
	for _, p := range problems {
		t.Errorf("%s: %s", url, p)
	}
	return values
}

// has wants a sample, told by its name and some of its labels, and returns its value.
func has(t *testing.T, values map[string]float64, name string, labels ...string) float64 {
	t.Helper()
	for id, v := range values {
		found := strings.HasPrefix(id, name+"{") || id == name
		for _, l := range labels {
			found = found && strings.Contains(id, l)
		}
		if found {
			return v
		}
	}
	t.Errorf("there is no %s%v", name, labels)
	return 0
}

// Issue 6, Shows 2: every page of figures of a running cluster: nimbus's, a
// worker's, a log server's, which tells of its supervisor.
func TestPagesOfFigures(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	Eventually(t, "words are counted", func() bool {
		f, err := c.API.Figures(t.Context(), "word-count")
		return err == nil && len(f.Workers) == 1 && f.Workers[0].Acked > 0
	})
	records := cluster.New(c.store(t, c.key(t).Credentials()), slog.New(slog.DiscardHandler))
	servers, err := records.LogServers(t.Context())
	if err != nil || len(servers) != 1 {
		t.Fatalf("%+v, %v", servers, err)
	}
	machine := page(t, "https://"+servers[0].Address, servers[0].Token, servers[0].Pin)
	if has(t, machine, "polybolt_supervisor_worker_starts_total", `host="machine0"`) != 1 || has(t, machine, "polybolt_supervisor_workers", `phase="running"`) != 1 || has(t, machine, "polybolt_logview_kept_bytes") <= 0 {
		t.Errorf("%v", machine)
	}

	status, err := c.API.Status(t.Context(), "word-count")
	if err != nil {
		t.Fatal(err)
	}
	place := cluster.Place{Supervisor: servers[0].Supervisor, Slot: status.WorkerList[0].Slot}
	state, err := records.WorkerState(t.Context(), cluster.RunID{Topology: "word-count", Number: status.Run}, place)
	if err != nil || len(state.Alive) != 1 {
		t.Fatalf("%+v, %v", state, err)
	}
	worker := page(t, "https://"+state.Alive[0].Figures, state.Alive[0].Token, state.Alive[0].Pin)
	nimbus := page(t, c.urls[0], "a token for tests", "")
	for _, values := range []map[string]float64{worker, nimbus} {
		for _, stage := range []string{"queue", "encode", "pipe", "user"} {
			if n := has(t, values, "polybolt_component_latency_seconds_count", `component="split"`, `stage="`+stage+`"`); n == 0 {
				t.Errorf("no times of %s", stage)
			}
		}
		for name, least := range map[string]float64{
			"polybolt_task_received_total": 0, "polybolt_task_resident_bytes": 1 << 20, "polybolt_task_credit_rows": 0, "polybolt_task_cpu_seconds_total": 0,
			"polybolt_component_latency_quantile_seconds": 1e-9,
		} {
			if v := has(t, values, name, `component="split"`); v < least {
				t.Errorf("%s is %v", name, v)
			}
		}
		if has(t, values, "polybolt_worker_cpu_seconds_total") <= 0 {
			t.Error("the worker uses no CPU")
		}
		if has(t, values, "polybolt_spout_tree_seconds", `quantile="0.9"`) <= 0 {
			t.Error("trees take no time")
		}
	}
	if has(t, nimbus, "polybolt_supervisor_worker_starts_total") != 1 || has(t, nimbus, "polybolt_logview_up") != 1 {
		t.Errorf("nimbus says of the machine: %v", nimbus)
	}
}

// An operator's Prometheus gets the figures of a machine and of its workers from
// the machine itself, with a token of the operator's and nothing else.
func TestScrapingAMachine(t *testing.T) {
	t.Parallel()
	address, token := freeAddress(t), filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a token for Prometheus\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Start(t, Config{ZooKeeper: zookeeper, Flags: func(int) []string {
		return []string{"--metrics-listen", address, "--metrics-token-file", token}
	}})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	scrape := func(token string) (status int, kind, text string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Accept", "text/plain;version=0.0.4;q=1,*/*;q=0.1")
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // as docs/web.md has it
		answer, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			return 0, "", err.Error()
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Header.Get("Content-Type"), string(b)
	}
	var text string
	Eventually(t, "the machine tells of its worker", func() bool {
		var status int
		var kind string
		status, kind, text = scrape("a token for Prometheus")
		return status == http.StatusOK && kind == metrics.ContentType && strings.Contains(text, `polybolt_task_received_total{topology="word-count"`)
	})
	problems, values := metricstest.Lint(text)
	for _, p := range problems {
		t.Error(p)
	}
	if has(t, values, "polybolt_supervisor_worker_starts_total", `host="machine0"`) != 1 || has(t, values, "polybolt_logview_workers_silent") != 0 || has(t, values, "polybolt_task_resident_bytes", `component="split"`) < 1<<20 {
		t.Errorf("%v", values)
	}
	for _, wrong := range []string{"", "guessed", "a token for tests"} {
		if status, _, _ := scrape(wrong); status != http.StatusUnauthorized {
			t.Errorf("with %q: %d", wrong, status)
		}
	}
}
