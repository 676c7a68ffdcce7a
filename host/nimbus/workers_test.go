package nimbus

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
)

// web serves what a worker tells, and counts the connections to it.
func web(t *testing.T, h http.HandlerFunc) (a cluster.Alive, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return cluster.Alive{Incarnation: cluster.NewIncarnation(), Figures: s.Listener.Addr().String(), Token: "t", Pin: api.Pin(s.Certificate().Raw)}, connections
}

// A worker is asked over one connection, again and again; another process at
// its address has to show its own certificate.
func TestWorkersAreAskedOverConnectionsThatStay(t *testing.T) {
	t.Parallel()
	a, connections := web(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"acked":7}` + "\n" + strings.Repeat(" ", 5000)))
	})
	var workers workerClients
	defer workers.close()
	for range 20 {
		f, err := askOne[api.WorkerFigures](t.Context(), &workers, a, "/v1/figures", maxFigures)
		if err != nil || f.Acked != 7 {
			t.Fatalf("%+v, %v", f, err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("it took %d connections", n)
	}
	other := a
	other.Incarnation, other.Pin = cluster.NewIncarnation(), strings.Repeat("0", 64)
	if _, err := askOne[api.WorkerFigures](t.Context(), &workers, other, "/v1/figures", maxFigures); err == nil {
		t.Error("another certificate is as good")
	}
}

// A status says so when workers are too slow to say whether there is progress.
func TestStatusOfSlowWorkers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, 4)
	slow := &atomic.Bool{}
	f.machines.web, _ = web(t, func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte(`{}`))
	})
	f.start(0, false)
	if err := f.deploy(f.bundle(1, 1, "one")); err != nil {
		t.Fatal(err)
	}
	f.settled()
	s, err := f.nimbus.Status(t.Context(), "t")
	if err != nil || s.State != stateActive || s.Why != "" {
		t.Fatalf("%+v, %v", s, err)
	}
	slow.Store(true)
	if s, err = f.nimbus.Status(t.Context(), "t"); err != nil || s.State != stateActive || !strings.Contains(s.Why, "1 of 1 workers did not answer") {
		t.Errorf("%+v, %v", s, err)
	}
}
