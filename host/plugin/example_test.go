package plugin

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/api/authorizertest"
	"github.com/polybolt/polybolt/host/scheduler/schedulertest"
	"github.com/polybolt/polybolt/host/sink"
	"github.com/polybolt/polybolt/host/sink/sinktest"
	"github.com/polybolt/polybolt/host/topology"
)

// build builds an example.
func build(t *testing.T, name string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", bin, "./example/"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// node returns the command of an example in JavaScript.
func node(t *testing.T, name string, args ...string) []string {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("the examples of plugins need Node: ", err)
	}
	return append([]string{program, filepath.Join("example", "node", name)}, args...)
}

// well fails if a plugin has failed, or was started more than once.
func well(t *testing.T, k *kind, logged *text) {
	t.Helper()
	if logged.count(k.fails) != 0 || logged.count("the "+k.name+" plugin runs") != 1 {
		t.Errorf("it has failed, or was started more than once:\n%s", logged)
	}
}

// The worked example passes the suite of all schedulers, in a process of its own.
func TestExampleScheduler(t *testing.T) {
	t.Parallel()
	o, logged := patient(SchedulerOptions(), build(t, "scheduler"))
	s, err := NewScheduler(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	schedulertest.Run(t, s.Schedule)
	a := s.Schedule(sample)
	for _, slot := range a.Slots {
		if slot.Machine != "a" {
			t.Errorf("it does not fill one machine first: %+v", a)
		}
	}
	well(t, &schedulers, logged)
}

// may asks whether somebody may change a topology.
func may(t *testing.T, a api.Authorizer, who string, role api.Role, operation string, needs api.Role, name topology.Name) error {
	t.Helper()
	return a.Authorize(t.Context(), api.Question{Who: who, Role: role, From: "::1", Operation: operation, Needs: needs, Topology: name})
}

func TestExampleAuthorizer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "owners.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"payments-": ["alice", "bob"]}`)
	o, logged := patient(AuthorizerOptions(), build(t, "authorizer"), file)
	a, err := NewAuthorizer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	authorizertest.Run(t, a)
	for _, c := range []struct {
		who  string
		role api.Role
		name topology.Name
		want string
	}{
		{"alice", api.Operator, "payments-in", ""},
		{"carol", api.Operator, "payments-in", "payments-in belongs to alice, bob: ask them"},
		{"carol", api.Admin, "payments-in", "payments-in belongs to alice, bob: ask them"},
		{"carol", api.Operator, "words", ""},
		{"alice", api.Viewer, "payments-in", "this needs the role operator"},
		{"", api.Operator, "payments-in", "payments-in belongs"},
		{"", api.Admin, "payments-in", ""},
	} {
		if err := may(t, a, c.who, c.role, "kill", api.Operator, c.name); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := may(t, a, "carol", api.Viewer, "status", api.Viewer, "payments-in"); err != nil {
		t.Errorf("everybody may look: %v", err)
	}
	write("{}")
	if err := may(t, a, "carol", api.Operator, "kill", api.Operator, "payments-in"); err != nil {
		t.Errorf("the file was changed: %v", err)
	}
	write("{")
	if err := may(t, a, "alice", api.Operator, "kill", api.Operator, "payments-in"); err == nil || !strings.Contains(err.Error(), "owners.json") {
		t.Errorf("the file is none: %v", err)
	}
	well(t, &authorizers, logged)
}

func TestExampleAuthorizerInNode(t *testing.T) {
	t.Parallel()
	for day, allowed := range map[string]bool{"3": true, "6": false} {
		o, logged := patient(AuthorizerOptions(), node(t, "authorizer.mjs", day)...)
		a, err := NewAuthorizer(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		if allowed {
			authorizertest.Run(t, a)
		}
		if err := may(t, a, "", api.Operator, "kill", api.Operator, "words"); (err == nil) != allowed || err != nil && err.Error() != "no kill at the weekend: ask an admin" {
			t.Errorf("on day %s: %v", day, err)
		}
		if err := may(t, a, "", api.Admin, "kill", api.Operator, "words"); err != nil {
			t.Errorf("on day %s, an admin: %v", day, err)
		}
		well(t, &authorizers, logged)
	}
}

func TestExampleSink(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10) // closed when the plugin has gone
	go func() {
		defer close(got)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			got <- lines.Text()
		}
	}()
	o, logged := patient(SinkOptions(), build(t, "sink"), l.Addr().String())
	s, err := NewSink(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := s.Take(t.Context(), &sink.Delivery{Time: time.Unix(1_900_000_000, 5), Figures: []sink.Figure{
		{Name: "polybolt_nimbus_leader", Kind: "gauge", Value: 1},
		{Name: "polybolt_task_acked_total", Kind: "counter", Labels: map[string]string{"topology": "t", "component": "a; b"}, Value: 0.25},
	}, Events: []sink.Event{{ID: "1", Text: "x"}}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"polybolt_nimbus_leader 1 1900000000", "polybolt_task_acked_total;component=a__b;topology=t 0.25 1900000000"} {
		if line := <-got; line != want {
			t.Errorf("%q arrives, want %q", line, want)
		}
	}
	well(t, &sinks, logged)
	s.Close()
	for line := range got {
		t.Errorf("%q arrives, too", line)
	}
	l.Close()
	// Without the server it tells why, and lives.
	o, logged = patient(SinkOptions(), o.Command[0], l.Addr().String())
	if s, err = NewSink(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for range 2 {
		if err := s.Take(t.Context(), &sink.Delivery{}); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Error(err)
		}
	}
	well(t, &sinks, logged)
}

// hook collects what is posted to it.
type hook struct {
	bad atomic.Bool // it refuses everything

	mu     sync.Mutex
	events []sink.Event // guarded by mu
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e sink.Event
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil || h.bad.Load() {
		http.Error(w, fmt.Sprint(err), http.StatusTeapot)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *hook) all() ([]sink.Event, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events), nil
}

func TestExampleSinkInNode(t *testing.T) {
	t.Parallel()
	h := &hook{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o, logged := patient(SinkOptions(), node(t, "sink.mjs", server.URL)...)
	s, err := NewSink(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	sinktest.Run(t, sinktest.Subject{Sink: s, Events: h.all})
	h.bad.Store(true)
	if err := s.Take(t.Context(), &sink.Delivery{Events: []sink.Event{{ID: "1", Text: "x"}}}); err == nil || !strings.Contains(err.Error(), "says 418") {
		t.Error(err)
	}
	well(t, &sinks, logged)
}
