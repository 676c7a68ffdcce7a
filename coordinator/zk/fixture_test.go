package zk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
	"github.com/polybolt/polybolt/coordinator/zk"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// options returns options for the shared server, with a short session.
func options(root string) zk.Options {
	o := zk.DefaultOptions()
	o.Servers = []string{server.Addr(0)}
	o.Root = root
	o.SessionTimeout = 2 * time.Second
	o.RequestTimeout = patience
	return o
}

func open(t *testing.T, o zk.Options) *zk.Store {
	t.Helper()
	s, err := zk.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// behindProxy opens one store through a proxy, and one that sees the truth.
func behindProxy(t *testing.T) (proxied, direct *zk.Store, proxy *faultproxy.Proxy) {
	t.Helper()
	o := options(server.Root())
	direct = open(t, o)
	proxied, proxy = openBehind(t, o)
	must(t, proxied.Apply(t.Context(), coordinator.Create("/x", nil)))
	return proxied, direct, proxy
}

func openBehind(t *testing.T, o zk.Options) (*zk.Store, *faultproxy.Proxy) {
	t.Helper()
	proxy := faultproxy.Start(t, "tcp", server.Addr(0))
	o.Servers = []string{proxy.Addr()}
	return open(t, o), proxy
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
}

// eventually polls until done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// receive waits for a signal of a watch.
func receive(t *testing.T, what string, signals <-chan struct{}) {
	t.Helper()
	select {
	case <-signals:
	case <-time.After(patience):
		t.Fatalf("no signal: %s", what)
	}
}

// until receives signals until done.
func until(t *testing.T, what string, signals <-chan struct{}, done func() bool) {
	t.Helper()
	for !done() {
		receive(t, what, signals)
	}
}

func exists(t *testing.T, s *zk.Store, path string) bool {
	t.Helper()
	_, err := s.Get(t.Context(), path)
	if err != nil {
		want(t, err, coordinator.ErrNoNode)
	}
	return err == nil
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// logs collects log lines.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func wantPart(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q is not in: %s", part, text)
	}
}
