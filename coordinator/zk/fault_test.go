package zk_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
)

var (
	answersLost  = faultproxy.Faults{StallToClient: true}
	requestsLost = faultproxy.Faults{StallToServer: true}
)

// lose runs apply while faults hold, cuts the connection once the request has
// gone as far as it can, heals the network and returns apply's error.
func lose(t *testing.T, proxy *faultproxy.Proxy, f faultproxy.Faults, arrived func() bool, apply func() error) error {
	t.Helper()
	proxy.Set(f)
	result := make(chan error, 1)
	go func() { result <- apply() }()
	eventually(t, "the request has arrived", arrived)
	proxy.Cut()
	proxy.Heal()
	select {
	case err := <-result:
		return err
	case <-time.After(patience):
		t.Fatal("Apply does not return")
		return nil
	}
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	s, direct, proxy := behindProxy(t)
	must(t, s.Apply(t.Context(), coordinator.Create("/old", []byte("0")), coordinator.Create("/doomed", nil)))
	there := func(path string) func() bool { return func() bool { return exists(t, direct, path) } }
	holds := func(path, data string) func() bool {
		return func() bool {
			n, err := direct.Get(t.Context(), path)
			return err == nil && string(n.Data) == data
		}
	}
	for _, c := range []struct {
		name    string
		ops     []coordinator.Op
		arrived func() bool
		want    error
	}{
		{"ephemeral", []coordinator.Op{coordinator.CreateEphemeral("/e", []byte("me"))}, there("/e"), nil},
		{"create", []coordinator.Op{coordinator.Create("/c", []byte("me"))}, there("/c"), nil},
		{"set", []coordinator.Op{coordinator.Set("/old", []byte("1"), 0)}, holds("/old", "1"), nil},
		{"multi", []coordinator.Op{
			coordinator.Check("/old", 1), coordinator.Delete("/c", 0), coordinator.Create("/m", []byte("me")),
		}, there("/m"), nil},
		{"delete", []coordinator.Op{coordinator.Delete("/doomed", 0)}, func() bool { return !exists(t, direct, "/doomed") }, coordinator.ErrUnavailable},
	} {
		err := lose(t, proxy, answersLost, c.arrived, func() error { return s.Apply(t.Context(), c.ops...) })
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	n, err := s.Get(t.Context(), "/e")
	must(t, err)
	if n.Ephemeral != s.Session().ID {
		t.Errorf("the ephemeral belongs to %#x, not to session %#x", n.Ephemeral, s.Session().ID)
	}
}

// A request that never arrived is sent again, once.
func TestLostRequests(t *testing.T) {
	t.Parallel()
	s, direct, proxy := behindProxy(t)
	sent := func() func() bool {
		begin := time.Now()
		return func() bool { return time.Since(begin) > 50*time.Millisecond }
	}
	for _, ops := range [][]coordinator.Op{
		{coordinator.CreateEphemeral("/e", []byte("me"))},
		{coordinator.Create("/c", []byte("me"))},
		{coordinator.Set("/x", []byte("1"), 0)},
		{coordinator.Set("/x", []byte("2"), coordinator.AnyVersion)},
		{coordinator.Delete("/c", 0)},
		{coordinator.Check("/x", 2), coordinator.Create("/m", nil)},
	} {
		must(t, lose(t, proxy, requestsLost, sent(), func() error { return s.Apply(t.Context(), ops...) }))
	}
	if n, err := direct.Get(t.Context(), "/x"); err != nil || n.Version != 2 {
		t.Errorf("two sets made it version %d, %v", n.Version, err)
	}
}

// A change that was given up while it could not be sent must not be sent when
// the server is back.
func TestAbandonedChangeIsNotSentLater(t *testing.T) {
	t.Parallel()
	s, direct, proxy := behindProxy(t)
	// The library writes until the buffers of the connection are full, and
	// keeps the rest to itself.
	proxy.Set(faultproxy.Faults{StallToServer: true})
	big := bytes.Repeat([]byte{1}, 1<<20-1000)
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error)
	const fill = 32
	for range fill {
		go func() { results <- s.Apply(ctx, coordinator.Set("/x", big, coordinator.AnyVersion)) }()
	}
	go func() { results <- s.Apply(ctx, coordinator.Create("/zombie", nil)) }()
	select {
	case err := <-results:
		t.Fatalf("answered through a stalled link: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	cancel()
	for range fill + 1 {
		want(t, <-results, coordinator.ErrUnavailable)
	}
	proxy.Cut()
	proxy.Heal()
	must(t, s.Apply(t.Context(), coordinator.Create("/after", nil)))
	if exists(t, direct, "/zombie") {
		t.Error("a change that its caller had given up was made after the reconnect")
	}
	if n, err := direct.Get(t.Context(), "/x"); err != nil || n.Version != 0 {
		t.Errorf("version %d, %v: changes that were given up were made", n.Version, err)
	}
}

// After two thirds of the session without a sign of life a leader stops
// trusting itself; when the session is over a new one begins by itself.
func TestSilenceEndsTrustThenTheSession(t *testing.T) {
	t.Parallel()
	s, direct, proxy := behindProxy(t)
	must(t, s.Apply(t.Context(), coordinator.CreateEphemeral("/e", nil)))
	first := s.Session()
	if !first.Trusted || !first.Connected || first.ID == 0 {
		t.Fatalf("a working session: %+v", first)
	}
	signals := s.Watch(t.Context(), "/e")
	receive(t, "at the start", signals)

	// From here on the server hears nothing of us.
	silent := time.Now()
	proxy.Set(faultproxy.Faults{StallToServer: true, StallToClient: true, Refuse: true})
	eventually(t, "trust ends", func() bool { return !s.Session().Trusted })
	untrusted := time.Since(silent)
	if !exists(t, direct, "/e") {
		t.Error("the server expired the session before we stopped trusting it")
	}
	if limit := first.Timeout*2/3 + 300*time.Millisecond; untrusted > limit {
		t.Errorf("trusted for %v after the last sign of life, want at most %v", untrusted, limit)
	}
	eventually(t, "the session expires", func() bool { return !exists(t, direct, "/e") })
	proxy.Cut()
	proxy.Heal()
	until(t, "a new session", signals, func() bool {
		now := s.Session()
		return now.ID != first.ID && now.Trusted && now.Connected
	})
	if _, err := s.Get(t.Context(), "/e"); !errors.Is(err, coordinator.ErrNoNode) {
		t.Errorf("the ephemeral of the old session: %v", err)
	}
	must(t, s.Apply(t.Context(), coordinator.CreateEphemeral("/e", nil)))
}

// An idle session stays trusted without a gap.
func TestIdleSessionStaysTrusted(t *testing.T) {
	t.Parallel()
	s, _, _ := behindProxy(t)
	begin := s.Session()
	eventually(t, "trust moves on by a session", func() bool {
		now := s.Session()
		if !now.Trusted {
			t.Fatalf("%+v", now)
		}
		return now.TrustedUntil.After(begin.TrustedUntil.Add(begin.Timeout))
	})
}

// A full request is refused before it is sent, and disturbs nothing.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	s, _, proxy := behindProxy(t)
	for size, fits := range map[int]bool{1 << 20: false, coordinator.MaxPacket: false, coordinator.MaxPacket - 200: true} {
		err := s.Apply(t.Context(), coordinator.Set("/x", make([]byte, size), coordinator.AnyVersion))
		if fits != (err == nil) || !fits && !errors.Is(err, coordinator.ErrTooLarge) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	half := make([]byte, 600_000)
	want(t, s.Apply(t.Context(), coordinator.Create("/a", half), coordinator.Create("/b", half)), coordinator.ErrTooLarge)
	if exists(t, s, "/a") {
		t.Error("half a multi was made")
	}
	if n := proxy.Connections(); n != 1 {
		t.Errorf("%d connections: a refused request cost one", n)
	}
}
