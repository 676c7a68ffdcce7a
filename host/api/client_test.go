package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

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
	frozen := "http://" + silent.Addr().String()
	began := time.Now()
	if _, err := connect(t, testToken, frozen, url).List(t.Context()); err != nil || len(r.take()) != 1 {
		t.Errorf("the first one is frozen: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the first one is frozen: it took %v", took)
	}
	var e *Error
	if _, err := connect(t, testToken, frozen).Change(t.Context(), "t", ChangeRequest{Verb: Kill}); !errors.As(err, &e) || e.Code != CodeUnreachable || !e.Definite() ||
		!strings.Contains(e.Text, "does not answer in time") {
		t.Errorf("a change for one that is frozen: %v", err)
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

// Any nimbus passes requests on to the one that leads, once.
func TestForwarding(t *testing.T) {
	t.Parallel()
	leader, leaderURL, _ := serve(t, here)
	standby, standbyURL, _ := serve(t, func() (string, error) { return leaderURL, nil })
	confused, confusedURL, _ := serve(t, func() (string, error) { return standbyURL, nil })
	_, lostURL, _ := serve(t, func() (string, error) { return "http://127.0.0.1:1", nil })
	_, orphanURL, _ := serve(t, func() (string, error) { return "", Errorf(CodeNoLeader, "no nimbus leads at the moment") })

	var asked atomic.Int32
	_, electingURL, _ := serve(t, func() (string, error) {
		if asked.Add(1) < 3 {
			return "", Errorf(CodeNoLeader, "no nimbus leads at the moment")
		}
		return "", nil
	})

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
	if _, err := connect(t, testToken, electingURL).List(t.Context()); err != nil {
		t.Errorf("a request during an election: %v", err)
	}
	// The stranger's token does not become good by way of a standby.
	_, err := connect(t, "wrong", standbyURL).List(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeUnauthorized {
		t.Errorf("a wrong token: %v", err)
	}
}
