package nimbus

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/metrics/metricstest"
	"github.com/polybolt/polybolt/host/topology"
)

// logServer announces a log server that answers as a handler says.
func (f *fixture) logServer(h http.HandlerFunc) {
	f.t.Helper()
	server := httptest.NewTLSServer(h)
	id := cluster.NewSupervisorID()
	record := &cluster.LogServer{Supervisor: id, Host: "here", Address: server.Listener.Addr().String(), Token: "t", Pin: api.Pin(server.Certificate().Raw), Version: "1", PID: 1, Started: time.Now()}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	c := cluster.New(f.f.Open(f.t), testLog(f.t))
	wg.Go(func() {
		if err := c.KeepLogServer(ctx, record); err != nil && ctx.Err() == nil {
			f.t.Errorf("the log server's record: %v", err)
		}
	})
	f.t.Cleanup(func() {
		cancel()
		wg.Wait()
		server.CloseClientConnections()
		server.Close()
	})
	eventually(f.t, "the log server is announced", func() bool {
		list, err := f.c.LogServers(f.t.Context())
		return err == nil && len(list) > 0 && list[len(list)-1].Address != ""
	})
}

// A log server that has no time for a question is up; one that does not answer is not.
func TestBusyIsNotDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, 1)
	f.start(0, false)
	up := func() float64 {
		t.Helper()
		list, err := f.nimbus.Machines(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		var p metrics.Page
		api.AddMachine(&p, &list[0])
		problems, values := metricstest.Lint(string(p.Bytes()))
		for _, p := range problems {
			t.Error(p)
		}
		for id, v := range values {
			if len(id) > 19 && id[:19] == "polybolt_logview_up" {
				return v
			}
		}
		t.Fatalf("nothing of it on the page: %v", values)
		return 0
	}
	var mu sync.Mutex
	busy := true
	f.logServer(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if busy {
			api.WriteError(w, api.Errorf(api.CodeBusy, "too many ask"))
			return
		}
		panic(http.ErrAbortHandler)
	})
	if got := up(); got != 1 {
		t.Errorf("a busy one is %v", got)
	}
	mu.Lock()
	busy = false
	mu.Unlock()
	if got := up(); got != 0 {
		t.Errorf("one that breaks off is %v", got)
	}
}

// Logs of what nobody has heard of are an error, with the name that was meant;
// those of a topology that is gone can still be read.
func TestLogsOfNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, 4)
	f.start(0, false)
	if err := f.deploy(f.bundle(1, 1, "one")); err != nil {
		t.Fatal(err)
	}
	f.settled()
	read := func(name topology.Name, component topology.ComponentID) (n int, err error) {
		return n, f.nimbus.Logs(t.Context(), api.LogQuery{Topology: name, Component: component, Tail: 5}, func(api.LogLine) error { n++; return nil })
	}
	if n, err := read("none", ""); n != 0 || err == nil || !strings.Contains(err.Error(), "no topology") {
		t.Errorf("without a log server: %d lines, %v", n, err)
	}
	f.logServer(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); r.URL.Path == "/v1/logs" && (q.Get("topology") == "gone" || q.Get("component") == "former") {
			_, _ = w.Write([]byte(`{"text":"a line"}` + "\n"))
		}
	})
	for _, c := range []struct {
		topology  topology.Name
		component topology.ComponentID
		lines     int
		err       string
	}{
		{"none", "", 0, "there is no topology \"none\" (there are: t)"},
		{"tt", "", 0, "there is no topology \"tt\", did you mean \"t\"?"},
		{"t", "spilt", 0, "t has no component \"spilt\", did you mean \"split\"?"},
		{"t", "split", 0, ""},
		{"gone", "", 1, ""},
		{"t", "former", 1, ""},
	} {
		n, err := read(c.topology, c.component)
		if n != c.lines || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s %s: %d lines, %v", c.topology, c.component, n, err)
		}
	}
	if err := f.nimbus.Dead(t.Context(), "none", 1, nil); err == nil || !strings.Contains(err.Error(), "no topology") {
		t.Errorf("dead tuples of nobody: %v", err)
	}
	if err := f.nimbus.Dead(t.Context(), "gone", 1, nil); err != nil {
		t.Errorf("dead tuples of one that is gone: %v", err)
	}
}
