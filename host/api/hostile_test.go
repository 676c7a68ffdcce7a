package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// zeros is a body of any size that costs nothing.
type zeros struct{ left int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), z.left)
	clear(b[:n])
	z.left -= n
	return int(n), nil
}

// Whatever body comes to whatever route, as an admin sends it: the answer is one
// of those that are described, in time, and what is bad does nothing.
func TestBodies(t *testing.T) {
	t.Parallel()
	r, url, logged := serve(t, here)
	bodies := map[string]func() io.Reader{
		"empty":        func() io.Reader { return strings.NewReader("") },
		"null":         func() io.Reader { return strings.NewReader("null") },
		"list":         func() io.Reader { return strings.NewReader("[]") },
		"number":       func() io.Reader { return strings.NewReader("1e999") },
		"nested":       func() io.Reader { return strings.NewReader(strings.Repeat("[", 500_000)) },
		"nested maps":  func() io.Reader { return strings.NewReader(strings.Repeat(`{"parallelism":`, 50_000)) },
		"no UTF-8":     func() io.Reader { return strings.NewReader("{\"verb\":\"\xff\xfe\"}") },
		"other types":  func() io.Reader { return strings.NewReader(`{"verb":{"a":[1]},"workers":"x"}`) },
		"large number": func() io.Reader { return strings.NewReader(`{"verb":"rebalance","workers":99999999999999999999}`) },
		"a form":       func() io.Reader { return strings.NewReader("verb=kill&wait=0") },
		"huge":         func() io.Reader { return &zeros{64 << 20} }, // in pieces: nobody says how much it will be
	}
	for _, rt := range (&handler{}).routes() {
		if rt.answerType == eventStream {
			continue // they have no end
		}
		for name, body := range bodies {
			r.take()
			path := strings.ReplaceAll(rt.path, "{name}", "t")
			if rt.bodyType != "" {
				path += "?file=f&timeout=1s&drain=1s"
			}
			if rt.id == "tap" {
				path += "?edge=a"
			}
			req, err := http.NewRequestWithContext(t.Context(), rt.method, url+path, body())
			if err != nil {
				t.Fatal(err)
			}
			req.Header = http.Header{Header: {"1"}, "Authorization": {bearer + testToken}, "Content-Type": {rt.bodyType}}
			answer, err := client(t).Do(req)
			if err != nil {
				if name == "huge" { // the connection may be closed before all is sent, and the answer be lost
					continue
				}
				t.Fatalf("%s, %s: %v", rt.id, name, err)
			}
			text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
			answer.Body.Close()
			if err != nil {
				t.Errorf("%s, %s: %v", rt.id, name, err)
			}
			if rt.body == nil && (rt.bodyType == "" || name != "huge") { // a bundle may be anything, for the API
				if answer.StatusCode != http.StatusOK {
					t.Errorf("%s, %s: %s", rt.id, name, answer.Status)
				}
				continue
			}
			var p problem
			if err := json.Unmarshal(text, &p); err != nil || answer.StatusCode/100 != 4 || p.Status != answer.StatusCode || p.Error == nil || p.Text == "" || len(p.Text) > 1000 {
				t.Errorf("%s, %s: %s %.300s, %v", rt.id, name, answer.Status, text, err)
			}
			if calls := r.take(); len(calls) > 0 {
				t.Errorf("%s, %s: the service was asked %v", rt.id, name, calls)
			}
		}
	}
	if logged.count("panic") != 0 || logged.count("request failed") != 0 {
		t.Error(logged.buf.String())
	}
}

// say opens a connection, and sends the beginning of a request.
func say(t *testing.T, url, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Clients that send slowly, or take nothing, cost one connection each, for as
// long as the limits say; everybody else is served meanwhile.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	r, url := serveWith(t, nil, func(o *HandlerOptions) { o.bodyTimeout = 100 * time.Millisecond })
	var wg sync.WaitGroup
	for i := range 100 {
		var conn net.Conn
		var want string
		head := "POST /v1/topologies/t/change HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
		switch i % 4 {
		case 0: // half a header: closed after five seconds, without a word
			conn = say(t, url, head)
		case 1: // no token: told so, and closed after a second, though the body never comes
			conn, want = say(t, url, head+"\r\n{"), "HTTP/1.1 403"
		case 2: // an admin whose body never comes
			conn, want = say(t, url, head+Header+": 1\r\nAuthorization: "+bearer+testToken+"\r\n\r\n{"), "HTTP/1.1 400"
		case 3: // nothing at all
			conn = say(t, url, "")
		}
		wg.Go(func() {
			text, err := io.ReadAll(conn) // until it is closed
			if err != nil || !strings.HasPrefix(string(text), want) {
				t.Errorf("client %d: %v, %.200q", i, err, text)
			}
		})
	}
	began := time.Now()
	for range 20 {
		if _, err := connect(t, testToken, url).List(t.Context()); err != nil {
			t.Error(err)
		}
	}
	t.Logf("20 others were served in %v", time.Since(began))
	wg.Wait()
	for _, call := range r.take() {
		if call != "list" {
			t.Errorf("the service was asked: %s", call)
		}
	}
}

// Somebody who asks for a large answer, and takes none of it, holds up nobody.
func TestClientThatTakesNothing(t *testing.T) {
	t.Parallel()
	_, url := serveWith(t, nil, nil)
	for range 50 {
		var b strings.Builder
		for range 200 { // pipelined: the answers do not fit into what the kernel keeps
			fmt.Fprintf(&b, "GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n%s: 1\r\nAuthorization: %s\r\n\r\n", Header, bearer+testToken)
		}
		say(t, url, b.String())
	}
	for range 20 {
		if _, err := connect(t, testToken, url).List(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// FuzzChange sends any body to the route that takes one.
func FuzzChange(f *testing.F) {
	for _, seed := range []string{`{"verb":"kill","wait":1}`, `{"verb":"rebalance","workers":2,"parallelism":{"a":3}}`, `{"verb":"rollback","version":-1}`, `{}`, `null`, `{"verb":"kill"} x`} {
		f.Add([]byte(seed))
	}
	log := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, body []byte) {
		r := &recorder{}
		h := Handler(HandlerOptions{Service: r, Guard: &Guard{Token: testToken, Log: log}, MaxBundle: 1 << 20, Log: log, Leader: here})
		req := httptest.NewRequest(http.MethodPost, "http://localhost/v1/topologies/t/change", bytes.NewReader(body))
		req.Header = http.Header{Header: {"1"}, "Authorization": {bearer + testToken}}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, req)
		calls := r.take()
		if answer.Code != http.StatusOK && answer.Code/100 != 4 || len(calls) > 1 || (len(calls) == 1) != (answer.Code == http.StatusOK) {
			t.Errorf("%q: %d, the service was asked %q", body, answer.Code, calls)
		}
		if answer.Code == http.StatusOK && !json.Valid(body) {
			t.Errorf("%q is taken for a change", body)
		}
	})
}

// What is no name of a topology is told so by every route that takes one, and
// nobody is asked about it.
func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	r, url, _ := serve(t, here)
	for _, rt := range (&handler{}).routes() {
		if !strings.Contains(rt.path, "{name}") {
			continue
		}
		for _, name := range []string{"..%2f..%2fetc", "1st", "a%00", strings.Repeat("x", 65)} {
			at := rt
			at.path = strings.Replace(rt.path, "{name}", name, 1)
			answer := request(t, url, at, testToken)
			answer.Body.Close()
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: %s", at.method, at.path, answer.Status)
			}
		}
	}
	if got := r.take(); len(got) > 0 {
		t.Errorf("it was asked %v", got)
	}
}
