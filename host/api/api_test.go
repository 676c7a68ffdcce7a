package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/host/topology"
)

// TestMain lets the goroutines be that net/http leaves behind for half a second,
// when it closes a connection whose request it has not read to its end.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// recorder is a service that notes what it is asked, and answers with samples.
type recorder struct {
	mu    sync.Mutex
	calls []string // guarded by mu
	err   error    // what every method returns
}

func (r *recorder) call(format string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
	return r.err
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

var sampleTopology = Topology{Name: "t", State: "active", Version: 2, Run: 3, Workers: 1, Wanted: 2, Tasks: 4, Deployed: time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)}

func (r *recorder) List(context.Context) ([]Topology, error) {
	return []Topology{sampleTopology}, r.call("list")
}

func (r *recorder) Status(_ context.Context, n topology.Name) (*Status, error) {
	return &Status{Topology: sampleTopology}, r.call("status %s", n)
}

func (r *recorder) Deploy(_ context.Context, d DeployRequest, bundle io.Reader) (*Accepted, error) {
	b, err := io.ReadAll(bundle)
	if err != nil {
		return nil, Errorf(CodeInvalid, "the upload broke off: %v", err)
	}
	return &Accepted{ID: "1", Text: "taken"}, r.call("deploy %+v %d bytes", d, len(b))
}

func (r *recorder) Change(_ context.Context, n topology.Name, c ChangeRequest) (*Accepted, error) {
	return &Accepted{ID: "2"}, r.call("change %s %s %d %v", n, c.Verb, c.Workers, c.Parallelism)
}

func (r *recorder) Cluster(context.Context) (*Cluster, error) {
	return &Cluster{Leader: "x"}, r.call("cluster")
}

func (r *recorder) Figures(_ context.Context, n topology.Name) (*Figures, error) {
	return &Figures{Silent: []string{"a"}}, r.call("figures %s", n)
}

func (r *recorder) Errors(_ context.Context, n topology.Name) ([]ComponentErrors, error) {
	return []ComponentErrors{{Component: "c", Count: 1}}, r.call("errors %s", n)
}

func (r *recorder) Definition(_ context.Context, n topology.Name) (*Definition, error) {
	return &Definition{Name: n, Components: []Component{{ID: "c", Kind: "bolt"}}, Edges: []Edge{{From: "a", To: "c"}}}, r.call("definition %s", n)
}

func (r *recorder) Histories(_ context.Context, n topology.Name) ([]KeptHistory, []string, error) {
	return sampleHistories(), []string{"y.0.0: it is not there"}, r.call("histories %s", n)
}

func (r *recorder) Logs(ctx context.Context, q LogQuery, f func(LogLine) error) error {
	if err := r.call("logs %+v", q); err != nil {
		return err
	}
	for _, text := range []string{"one", "two"} {
		if err := f(LogLine{Text: text}); err != nil {
			return err
		}
	}
	if q.Follow {
		<-ctx.Done()
	}
	return nil
}

func (r *recorder) Dead(_ context.Context, n topology.Name, tail int, f func(DeadTuple) error) error {
	if err := r.call("dead %s %d", n, tail); err != nil {
		return err
	}
	return f(DeadTuple{Host: "h", Tuple: json.RawMessage(`{"a":1}`)})
}

func (r *recorder) Tap(_ context.Context, q TapQuery, f func(TapEvent) error) error {
	if err := r.call("tap %+v", q); err != nil {
		return err
	}
	if err := f(TapEvent{Tuple: &TapTuple{Component: q.From, Values: json.RawMessage(`{"z":1,"a":2}`)}}); err != nil {
		return err
	}
	return f(TapEvent{Counts: &TapCounts{Passed: 2}})
}

func (r *recorder) Stacks(_ context.Context, n topology.Name, c topology.ComponentID, task topology.TaskID) ([]Stacks, error) {
	return []Stacks{{Component: c, Task: 3, Text: "here"}}, r.call("stacks %s %s %d", n, c, task)
}

const testToken = "a token that is long enough"

// lines collects what is logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

// serve serves a recorder. leader says who leads.
func serve(t *testing.T, leader func() (string, error)) (*recorder, string, *lines) {
	t.Helper()
	r, logged := &recorder{}, &lines{}
	log := slog.New(slog.NewTextHandler(logged, nil))
	transport := &http.Transport{}
	s := NewServer(Handler(HandlerOptions{
		Service: r, Guard: &Guard{Token: testToken, Roles: map[Role]string{Viewer: testToken + roleToken(Viewer), Operator: testToken + roleToken(Operator)}, Hosts: []string{"nimbus.example"}, Log: log}, MaxBundle: 1 << 20, Log: log, Transport: transport, Leader: leader, Patience: time.Second,
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
		transport.CloseIdleConnections()
	})
	return r, "http://" + l.Addr().String(), logged
}

func here() (string, error) { return "", nil }

func connect(t *testing.T, token string, urls ...string) *Client {
	t.Helper()
	c, err := NewClient(urls, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Everything that a client can ask arrives as it was meant, and so does the answer.
func TestClientAndHandlerMirrorEachOther(t *testing.T) {
	t.Parallel()
	r, url, _ := serve(t, here)
	c := connect(t, testToken, url)
	ctx := t.Context()
	list, err := c.List(ctx)
	if diff := cmp.Diff([]Topology{sampleTopology}, list); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if s, err := c.Status(ctx, "t"); err != nil || s.Name != "t" {
		t.Error(s, err)
	}
	d := DeployRequest{Name: "t", File: "a b/topology.yaml", Set: []string{"x=1", "y=&?ü"}, Timeout: time.Minute, Drain: 1500 * time.Millisecond, Wait: true}
	if a, err := c.Deploy(ctx, d, strings.NewReader("12345")); err != nil || a.ID != "1" {
		t.Error(a, err)
	}
	if _, err := c.Change(ctx, "t", ChangeRequest{Verb: Rebalance, Workers: 3, Parallelism: map[topology.ComponentID]int{"c": 2}}); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{"cluster": second(c.Cluster(ctx)), "figures": second(c.Figures(ctx, "t")), "errors": second(c.Errors(ctx, "t"))} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	got := r.take()
	want := []string{"list", "status t", fmt.Sprintf("deploy %+v 5 bytes", d), "change t rebalance 3 map[c:2]"}
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" || len(got) != len(want)+3 {
		t.Errorf("%v\n%s", got, diff)
	}
}

func second[T any](_ T, err error) error { return err }

// Errors keep their code and text; one that is none of the API's is a defect, and is logged.
func TestErrorsTravel(t *testing.T) {
	t.Parallel()
	r, url, logged := serve(t, here)
	c := connect(t, testToken, url)
	for code := range statuses {
		r.err = Errorf(code, "because of %s", code)
		_, err := c.Status(t.Context(), "t")
		var e *Error
		if !errors.As(err, &e) || e.Code != code || e.Text != "because of "+string(code) {
			t.Errorf("%s: %v", code, err)
		}
	}
	if logged.count("request failed") != 0 {
		t.Error("an error of the API was logged as a defect")
	}
	r.err = errors.New("nobody thought of this")
	_, err := c.List(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeInternal || e.Definite() || logged.count("nobody thought of this") != 1 {
		t.Errorf("%v", err)
	}
}

// What is no request of this version is refused before the service hears of it.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	r, url, _ := serve(t, here)
	for name, c := range map[string]struct {
		method, path, body, contentType string
		want                            int
		text                            string
	}{
		"no such path":   {"GET", "/v2/x", "", "", 404, "there is no GET /v2/x"},
		"no such verb":   {"POST", "/v1/topologies/t/change", `{"verb":"explode"}`, "", 400, "there is no change"},
		"unknown field":  {"POST", "/v1/topologies/t/change", `{"verb":"kill","x":1}`, "", 400, "unknown field"},
		"two values":     {"POST", "/v1/topologies/t/change", `{"verb":"kill"}{"verb":"activate"}`, "", 400, "something follows"},
		"no JSON":        {"POST", "/v1/topologies/t/change", `{`, "", 400, "understands"},
		"large":          {"POST", "/v1/topologies/t/change", `{"verb":"` + strings.Repeat("x", maxRequest) + `"}`, "", 413, "more than 1048576 bytes"},
		"no timeout":     {"POST", "/v1/topologies/t/deploy?file=x&drain=1s", "x", bundleType, 400, "timeout"},
		"no bundle":      {"POST", "/v1/topologies/t/deploy?file=x&drain=1s&timeout=1s", "x", "text/plain", 400, bundleType},
		"large bundle":   {"POST", "/v1/topologies/t/deploy?file=x&drain=1s&timeout=1s", strings.Repeat("x", 1<<20+1), bundleType, 413, "the limit of this cluster is 1048576"},
		"wrong method":   {"DELETE", "/v1/topologies", "", "", 404, "DELETE"},
		"sly path":       {"GET", "/v1/topologies/..%2f..%2fetc", "", "", 400, "is no name of a topology"},
		"path that ends": {"GET", "/v1/topologies/", "", "", 404, "there is no"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(Header, "1")
		req.Header.Set("Authorization", "Bearer "+testToken)
		req.Header.Set("Content-Type", c.contentType)
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != c.want || !strings.Contains(string(body), c.text) {
			t.Errorf("%s: %s %s, %v", name, answer.Status, body, err)
		}
	}
	if calls := r.take(); len(calls) > 0 {
		t.Errorf("the service was asked %q", calls)
	}
	http.DefaultClient.CloseIdleConnections()
}

// D52: an upload that breaks off is refused, however it does.
func TestD52UploadCutInTheMiddle(t *testing.T) {
	t.Parallel()
	r, url, _ := serve(t, here)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/topologies/t/deploy?file=x&drain=1s&timeout=1s HTTP/1.1\r\nHost: localhost\r\n%s: 1\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: 1000\r\n\r\nhalf", Header, testToken, bundleType)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(answer), "400 Bad Request") || !strings.Contains(string(answer), "the upload broke off") {
		t.Errorf("%s, %v", answer, err)
	}
	if calls := r.take(); len(calls) != 0 {
		t.Errorf("the service took %v", calls)
	}
}
