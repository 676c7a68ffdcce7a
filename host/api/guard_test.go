package api

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

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
