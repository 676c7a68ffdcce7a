package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/host/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		Service: r, Guard: &Guard{Token: testToken, Roles: map[Role]string{Viewer: testToken + roleToken(Viewer), Operator: testToken + roleToken(Operator)}, Hosts: []string{"nimbus.example"}, Log: log}, MaxBundle: 1 << 20, Log: log, Transport: transport, Leader: leader,
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

// Strangers: whatever they send, the service hears nothing of it, and the log
// says so once.
func TestStrangers(t *testing.T) {
	t.Parallel()
	r, url, logged := serve(t, here)
	host := strings.TrimPrefix(url, "http://")
	_, port, _ := net.SplitHostPort(host)
	token := "Bearer " + testToken
	for name, c := range map[string]struct {
		header map[string]string
		host   string
		want   int
	}{
		"nothing":             {nil, "", http.StatusForbidden},
		"no token":            {map[string]string{Header: "1"}, "", http.StatusUnauthorized},
		"wrong token":         {map[string]string{Header: "1", "Authorization": "Bearer " + testToken + "x"}, "", http.StatusUnauthorized},
		"empty token":         {map[string]string{Header: "1", "Authorization": "Bearer "}, "", http.StatusUnauthorized},
		"other scheme":        {map[string]string{Header: "1", "Authorization": "Basic " + testToken}, "", http.StatusUnauthorized},
		"no header":           {map[string]string{"Authorization": token}, "", http.StatusForbidden},
		"form of a page":      {map[string]string{"Authorization": token, "Content-Type": "application/x-www-form-urlencoded", "Origin": "http://evil.example"}, "", http.StatusForbidden},
		"script of a page":    {map[string]string{Header: "1", "Authorization": token, "Origin": "http://evil.example"}, "", http.StatusForbidden},
		"origin null":         {map[string]string{Header: "1", "Authorization": token, "Origin": "null"}, "", http.StatusForbidden},
		"cross site":          {map[string]string{Header: "1", "Authorization": token, "Sec-Fetch-Site": "cross-site"}, "", http.StatusForbidden},
		"foreign host":        {map[string]string{Header: "1", "Authorization": token}, "evil.example:" + port, http.StatusForbidden},
		"rebound name":        {map[string]string{Header: "1", "Authorization": token}, "127.0.0.1.evil.example", http.StatusForbidden},
		"another's address":   {map[string]string{Header: "1", "Authorization": token}, "10.1.2.3:" + port, http.StatusForbidden},
		"forwarded, no token": {map[string]string{Header: "1", forwarded: "1"}, "", http.StatusUnauthorized},
	} {
		for _, method := range []string{"GET", "POST"} {
			for range 3 {
				req, err := http.NewRequestWithContext(t.Context(), method, url+"/v1/topologies/t/deploy?file=topology.yaml&timeout=1m&drain=1s", strings.NewReader("name=t"))
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range c.header {
					req.Header.Set(k, v)
				}
				req.Host = c.host
				answer, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				var e Error
				if err := json.NewDecoder(answer.Body).Decode(&e); err != nil || answer.StatusCode != c.want || e.Text == "" {
					t.Errorf("%s: %s, %+v, %v", name, answer.Status, e, err)
				}
				answer.Body.Close()
			}
		}
	}
	if calls := r.take(); len(calls) != 0 {
		t.Errorf("the service was asked: %v", calls)
	}
	// By reason and sender: no header, no token, a wrong one, a page, and three names.
	if n := logged.count("request refused"); n != 7 {
		t.Errorf("%d refusals are in the log:\n%s", n, logged.buf.String())
	}
	if logged.count(testToken) != 0 {
		t.Error("the token is in the log")
	}
	http.DefaultClient.CloseIdleConnections()
}

// Those who may: by any name of loopback, and by the names that were configured.
func TestHostsThatAreKnown(t *testing.T) {
	t.Parallel()
	g := &Guard{Hosts: []string{"nimbus.example"}}
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:80": true, "127.8.8.8:80": true, "localhost:80": true, "[::1]:80": true, "[::1]": true, "nimbus.example:80": true, "NIMBUS.example": true,
		"": false, ":80": false, "example": false, "localhost.evil.example": false, "nimbus.example.evil": false, "0.0.0.0:80": false, "[::]:80": false, "2130706433": false,
	} {
		if g.knows(host) != want {
			t.Errorf("%q is known: %v", host, !want)
		}
	}
}

// Random bytes, half a request, a header without end: the connection is closed,
// and the server goes on.
func TestRandomBytes(t *testing.T) {
	t.Parallel()
	r, url, logged := serve(t, here)
	host := strings.TrimPrefix(url, "http://")
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		noise := make([]byte, rng.IntN(100<<10))
		for n := range noise {
			noise[n] = byte(rng.Uint32())
		}
		switch i % 3 {
		case 1:
			noise = append([]byte("POST /v1/topologies/t/deploy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"), noise...)
		case 2:
			noise = append([]byte("GET / HTTP/1.1\r\nX: "), bytes.Repeat([]byte("a"), 200<<10)...)
		}
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(noise) // it may be cut off in the middle
		if c, ok := conn.(*net.TCPConn); ok {
			_ = c.CloseWrite() // the other side may have been quicker
		}
		_, _ = io.Copy(io.Discard, conn) // until it is closed, or reset
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := connect(t, testToken, url).List(t.Context()); err != nil {
		t.Error(err)
	}
	if calls := r.take(); len(calls) != 1 || logged.count("panic") != 0 {
		t.Errorf("the service was asked %v; the log:\n%s", calls, logged.buf.String())
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
		"no JSON":        {"POST", "/v1/topologies/t/change", `{`, "", 400, "understands"},
		"large":          {"POST", "/v1/topologies/t/change", `{"verb":"` + strings.Repeat("x", maxRequest) + `"}`, "", 400, "too large"},
		"no timeout":     {"POST", "/v1/topologies/t/deploy?file=x&drain=1s", "x", bundleType, 400, "timeout"},
		"no bundle":      {"POST", "/v1/topologies/t/deploy?file=x&drain=1s&timeout=1s", "x", "text/plain", 400, bundleType},
		"large bundle":   {"POST", "/v1/topologies/t/deploy?file=x&drain=1s&timeout=1s", strings.Repeat("x", 1<<20+1), bundleType, 413, "the limit of this cluster is 1048576"},
		"wrong method":   {"DELETE", "/v1/topologies", "", "", 404, "DELETE"},
		"sly path":       {"GET", "/v1/topologies/..%2f..%2fetc", "", "", 200, ""},
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
	// A name is a name, whatever is in it: the service looks for a topology called so.
	if calls := r.take(); len(calls) != 1 || calls[0] != "status ../../etc" {
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

// Any nimbus passes requests on to the one that leads, once.
func TestForwarding(t *testing.T) {
	t.Parallel()
	leader, leaderURL, _ := serve(t, here)
	standby, standbyURL, _ := serve(t, func() (string, error) { return leaderURL, nil })
	confused, confusedURL, _ := serve(t, func() (string, error) { return standbyURL, nil })
	_, lostURL, _ := serve(t, func() (string, error) { return "http://127.0.0.1:1", nil })
	_, orphanURL, _ := serve(t, func() (string, error) { return "", Errorf(CodeNoLeader, "no nimbus leads at the moment") })

	bundle := bytes.Repeat([]byte("x"), 1<<20)
	if _, err := connect(t, testToken, standbyURL).Deploy(t.Context(), DeployRequest{Name: "t", File: "f", Timeout: 1, Drain: 1}, bytes.NewReader(bundle)); err != nil {
		t.Error(err)
	}
	if got := leader.take(); len(got) != 1 || !strings.HasSuffix(got[0], fmt.Sprintf("%d bytes", len(bundle))) || len(standby.take()) != 0 {
		t.Errorf("the leader was asked %v", got)
	}
	code := func(url string) Code {
		_, err := connect(t, testToken, url).List(t.Context())
		var e *Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		return e.Code
	}
	if got := code(confusedURL); got != CodeNoLeader || len(confused.take())+len(leader.take()) != 0 {
		t.Errorf("two hops: %s", got)
	}
	if got := code(lostURL); got != CodeUnavailable {
		t.Errorf("a leader that is not there: %s", got)
	}
	if got := code(orphanURL); got != CodeNoLeader {
		t.Errorf("no leader: %s", got)
	}
	// The stranger's token does not become good by way of a standby.
	_, err := connect(t, "wrong", standbyURL).List(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeUnauthorized {
		t.Errorf("a wrong token: %v", err)
	}
}

// D59: a nimbus that is not there, or is none, is told of by its URL, within five seconds.
func TestD59NimbusCannotBeReached(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	r, url, _ := serve(t, here)
	for name, c := range map[string]struct {
		urls []string
		want []string
	}{
		"nobody listens": {[]string{"http://127.0.0.1:1"}, []string{"no nimbus can be reached at http://127.0.0.1:1", "connection refused", "POLYBOLT_NIMBUS"}},
		"two":            {[]string{"http://127.0.0.1:1", "http://127.0.0.1:2"}, []string{"http://127.0.0.1:1", "http://127.0.0.1:2"}},
		"no such name":   {[]string{"https://nimbus.invalid:6627"}, []string{"https://nimbus.invalid:6627"}},
		"no nimbus":      {[]string{other.URL}, []string{"is no nimbus", "404"}},
	} {
		began := time.Now()
		_, err := connect(t, testToken, c.urls...).List(t.Context())
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := connect(t, testToken, "http://"+silent.Addr().String()).List(ctx); err == nil || !strings.Contains(err.Error(), silent.Addr().String()+" takes connections, and does not answer in time") {
		t.Errorf("one that never answers: %v", err)
	}
	if _, err := connect(t, testToken, "http://127.0.0.1:1", url).List(t.Context()); err != nil || len(r.take()) != 1 {
		t.Errorf("the second one is there: %v", err)
	}
	for _, bad := range []string{"", "ftp://x", "http://", "://"} {
		if _, err := NewClient([]string{bad}, ""); err == nil {
			t.Errorf("%q is a URL of a nimbus", bad)
		}
	}
	if _, err := NewClient([]string{"http://nimbus.example:6627"}, testToken); err == nil || !strings.Contains(err.Error(), "plain text") {
		t.Errorf("a token over the network: %v", err)
	}
	if _, err := NewClient(nil, ""); err == nil {
		t.Error("no URL is enough")
	}
}
