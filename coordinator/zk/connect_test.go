package zk_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
	"github.com/polybolt/polybolt/coordinator/zk"
)

// listen answers every connection with f until the test ends.
func listen(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		close(done)
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				f(conn)
				<-done
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// A server that accepts and says nothing, or only the first bytes, must not
// keep us from the others: the library would wait ten receive timeouts, or for
// ever.
func TestHungHandshake(t *testing.T) {
	t.Parallel()
	half := func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 44))
		_, _ = conn.Write([]byte{0, 0, 0, 37, 0, 0})
	}
	for name, f := range map[string]func(net.Conn){"silent": func(net.Conn) {}, "half": half} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Long sessions, so that nothing else ends the wait in time. Two
			// hung servers make it likely that one of them is tried first.
			o := options(server.Root())
			o.Servers = []string{listen(t, f), listen(t, f), server.Addr(0)}
			o.SessionTimeout = 6 * time.Second
			o.RequestTimeout = 5 * time.Second
			s := open(t, o)
			must(t, s.Apply(t.Context(), coordinator.Create("/x", nil)))
		})
	}
}

func TestSilentServerIsNamed(t *testing.T) {
	t.Parallel()
	o := options("/x")
	o.Servers = []string{listen(t, func(net.Conn) {})}
	o.RequestTimeout = 1500 * time.Millisecond
	_, err := open(t, o).Get(t.Context(), "/")
	want(t, err, coordinator.ErrUnavailable)
	wantPart(t, err.Error(), o.Servers[0])
	wantPart(t, err.Error(), "did not answer in time")
}

// "HTTP" read as a length is 1.2 GB, which the library would allocate.
//
// Not parallel: it measures what the process allocates.
func TestNotAZooKeeper(t *testing.T) {
	o := options("/x")
	o.Servers = []string{listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") })}
	o.RequestTimeout = time.Second
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := open(t, o).Get(t.Context(), "/")
	runtime.ReadMemStats(&after)
	want(t, err, coordinator.ErrUnavailable)
	wantPart(t, err.Error(), "does not answer like a ZooKeeper server")
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
		t.Errorf("allocated %d MiB", grown>>20)
	}
}

// D60: an unresolvable host in the list.
func TestD60UnresolvableMemberIsSkipped(t *testing.T) {
	t.Parallel()
	o := options(server.Root())
	o.Servers = []string{"no-such-host.invalid:2181", server.Addr(0), "neither.invalid"}
	must(t, open(t, o).Apply(t.Context(), coordinator.Create("/x", nil)))

	o.Servers = o.Servers[:1]
	o.RequestTimeout = 2 * time.Second
	_, err := open(t, o).Get(t.Context(), "/x")
	want(t, err, coordinator.ErrUnavailable)
	wantPart(t, err.Error(), "no-such-host.invalid")
}

// A store finds a server that comes up later, and one that comes back.
func TestServerComesLater(t *testing.T) {
	t.Parallel()
	proxy := faultproxy.Start(t, "tcp", server.Addr(0))
	proxy.Set(faultproxy.Faults{Refuse: true})
	o := options(server.Root())
	o.Servers = []string{proxy.Addr()}
	s := open(t, o)
	_, err := s.Get(within(t, 200*time.Millisecond), "/")
	want(t, err, coordinator.ErrUnavailable)
	want(t, err, context.DeadlineExceeded)
	proxy.Heal()
	_, err = s.Get(t.Context(), "/")
	must(t, err)
	session := s.Session()
	proxy.Cut()
	eventually(t, "connected again", func() bool {
		now := s.Session()
		return now.Connected && now.Since.After(session.Since)
	})
	if now := s.Session(); now.ID != session.ID {
		t.Errorf("a cut connection cost the session: %#x, then %#x", session.ID, now.ID)
	}
}

// A refusing server is not hammered: at most one attempt per pause.
func TestAttemptsPause(t *testing.T) {
	t.Parallel()
	proxy := faultproxy.Start(t, "tcp", server.Addr(0))
	proxy.Set(faultproxy.Faults{Refuse: true})
	o := options("/x")
	o.Servers = []string{proxy.Addr()}
	_, err := open(t, o).Get(within(t, time.Second), "/")
	want(t, err, coordinator.ErrUnavailable)
	if n := proxy.Connections(); n < 3 || n > 10 {
		t.Errorf("%d attempts in a second", n)
	}
}

// Every call ends with its context while the server is silent, and the doubt
// is in the error.
func TestCallsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	s, _, proxy := behindProxy(t)
	proxy.Set(faultproxy.Faults{StallToClient: true})
	for name, call := range map[string]func(context.Context) error{
		"Get":      func(ctx context.Context) error { _, err := s.Get(ctx, "/x"); return err },
		"Children": func(ctx context.Context) error { _, err := s.Children(ctx, "/x"); return err },
		"Apply":    func(ctx context.Context) error { return s.Apply(ctx, coordinator.Set("/x", nil, 0)) },
	} {
		begin := time.Now()
		err := call(within(t, 50*time.Millisecond))
		want(t, err, coordinator.ErrUnavailable)
		want(t, err, context.DeadlineExceeded)
		if took := time.Since(begin); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	_, err := s.Get(cancelled, "/x")
	want(t, err, coordinator.ErrUnavailable)
	want(t, err, io.ErrClosedPipe)
}

// A server may cut the session we ask for: then a warning tells both figures.
func TestGrantedTimeoutIsCompared(t *testing.T) {
	t.Parallel()
	var log logs
	o := options(server.Root())
	o.SessionTimeout = time.Hour
	o.Logger = log.logger()
	s := open(t, o)
	_, err := s.Get(t.Context(), "/")
	must(t, err)
	if got := s.Session().Timeout; got != time.Minute {
		t.Errorf("granted %v", got)
	}
	for _, part := range []string{"level=WARN", "timeout=1m0s", "asked=1h0m0s"} {
		wantPart(t, log.String(), part)
	}
}

func TestCloseIsQuick(t *testing.T) {
	t.Parallel()
	unreachable := options("/x")
	unreachable.Servers = []string{listen(t, func(net.Conn) {})}
	s, direct, proxy := behindProxy(t)
	must(t, s.Apply(t.Context(), coordinator.CreateEphemeral("/e", nil)))
	for name, c := range map[string]struct {
		prepare func() *zk.Store
		limit   time.Duration
	}{
		"handshaking": {func() *zk.Store { return open(t, unreachable) }, 2 * time.Second},
		"connected":   {func() *zk.Store { return direct }, time.Second},
		"frozen": {func() *zk.Store {
			proxy.Set(faultproxy.Faults{StallToServer: true, StallToClient: true})
			return s
		}, 3 * time.Second},
	} {
		s := c.prepare()
		begin := time.Now()
		must(t, s.Close())
		if took := time.Since(begin); took > c.limit {
			t.Errorf("%s: Close took %v", name, took)
		}
		_, err := s.Get(t.Context(), "/x")
		want(t, err, coordinator.ErrClosed)
		_, err = s.Children(t.Context(), "/x")
		want(t, err, coordinator.ErrClosed)
		want(t, s.Apply(t.Context(), coordinator.Delete("/x", 0)), coordinator.ErrClosed)
		must(t, s.Close())
	}
}
