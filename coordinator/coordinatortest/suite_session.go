package coordinatortest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
)

// dead is a network on which nothing moves.
var dead = faultproxy.Faults{Refuse: true, StallToServer: true, StallToClient: true}

func exists(t testing.TB, s coordinator.Store, path string) bool {
	t.Helper()
	_, err := s.Get(t.Context(), path)
	if err != nil {
		want(t, err, coordinator.ErrNoNode)
	}
	return err == nil
}

func testEphemerals(t *testing.T, f Fixture) {
	ctx := t.Context()
	s, other := f.Open(t), f.Open(t)
	must(t, s.Apply(ctx, coordinator.Create("/p", nil), coordinator.CreateEphemeral("/p/a", []byte("x")), coordinator.CreateEphemeral("/p/b", nil)))
	must(t, other.Apply(ctx, coordinator.CreateEphemeral("/p/c", nil)))
	n, err := other.Get(ctx, "/p/a")
	must(t, err)
	if n.Ephemeral != s.Session().ID || n.Ephemeral == other.Session().ID {
		t.Errorf("owner %#x, sessions %#x and %#x", n.Ephemeral, s.Session().ID, other.Session().ID)
	}
	// Everybody may change or delete it, if the ACL says so.
	must(t, other.Apply(ctx, coordinator.Set("/p/a", nil, 0), coordinator.Delete("/p/b", 0)))
	must(t, s.Apply(ctx, coordinator.CreateEphemeral("/p/b", nil)))

	signals := other.Watch(ctx, "/p")
	must(t, s.Close())
	Until(t, "the ephemerals of a closed session are gone", signals, func() bool {
		names, err := other.Children(ctx, "/p")
		must(t, err)
		return slices.Equal(names, []string{"c"})
	})
}

// A session that the server does not hear of ends; the store goes on with a
// new one.
func testExpiry(t *testing.T, f Fixture) {
	ctx := t.Context()
	witness := f.Open(t)
	s, proxy := f.Behind(t, ShortSession(time.Second))
	must(t, s.Apply(ctx, coordinator.CreateEphemeral("/e", nil)))
	before := s.Session()
	if before.Timeout != time.Second || !before.Trusted || !before.Connected || before.Server == "" || before.Err != nil {
		t.Errorf("a working session: %+v", before)
	}
	own, seen := s.Watch(ctx, "/e"), witness.Watch(ctx, "/e")
	Until(t, "the other session sees the ephemeral", seen, func() bool { return exists(t, witness, "/e") }) // its server may lag behind
	proxy.Set(dead)
	cut := time.Now()
	Until(t, "the ephemeral goes", seen, func() bool { return !exists(t, witness, "/e") })
	if took := time.Since(cut); took < before.Timeout*2/3 {
		t.Errorf("a session of %v expired after %v", before.Timeout, took)
	}
	if s.Session().Trusted {
		t.Error("the session is trusted after it has expired")
	}
	proxy.Cut()
	Until(t, "the session tells why there is no connection", s.Watch(ctx, "/"), func() bool {
		now := s.Session()
		return now.Connected || now.Server == "" && now.Err != nil
	})
	proxy.Heal()
	Until(t, "a new session", own, func() bool {
		now := s.Session()
		return now.ID != before.ID && now.Connected && now.Trusted
	})
	if exists(t, s, "/e") {
		t.Error("the ephemeral lives on")
	}
	must(t, s.Apply(ctx, coordinator.CreateEphemeral("/e", nil)))
}

// Connections that break cost neither the session nor a change.
func testCut(t *testing.T, f Fixture) {
	ctx := t.Context()
	s, proxy := f.Behind(t)
	must(t, s.Apply(ctx, coordinator.CreateEphemeral("/e", nil), coordinator.Create("/n", nil)))
	session := s.Session().ID
	for version := range int32(20) {
		done := make(chan error, 1)
		go func() { done <- s.Apply(ctx, coordinator.Set("/n", []byte{byte(version)}, version)) }()
		proxy.Cut()
		must(t, <-done)
		if n, err := s.Get(ctx, "/n"); err != nil || n.Version != version+1 {
			t.Fatalf("after set %d: %+v, %v", version, n, err)
		}
	}
	if n, err := s.Get(ctx, "/e"); err != nil || n.Ephemeral != session || s.Session().ID != session {
		t.Errorf("the ephemeral after the cuts: %+v, %v; session %#x, now %#x", n, err, session, s.Session().ID)
	}
}

// Sessions, ephemerals and data outlive the servers.
func testCrash(t *testing.T, f Fixture) {
	if f.Crash == nil {
		return // nothing is promised
	}
	ctx := t.Context()
	s := f.Open(t)
	must(t, s.Apply(ctx, coordinator.Create("/n", []byte("data")), coordinator.CreateEphemeral("/e", nil)))
	before := s.Session()
	signals := s.Watch(ctx, "/n")
	f.Crash(t)
	if n, err := s.Get(ctx, "/n"); err != nil || string(n.Data) != "data" {
		t.Errorf("after a crash: %+v, %v", n, err)
	}
	after := s.Session()
	if n, err := s.Get(ctx, "/e"); err != nil || n.Ephemeral != before.ID || after.ID != before.ID {
		t.Errorf("the ephemeral after a crash: %+v, %v; session %#x, now %#x", n, err, before.ID, after.ID)
	}
	if !after.Since.After(before.Since) || after.Settled(time.Now()) || !after.Settled(after.Since.Add(after.Timeout)) {
		t.Errorf("connected since %v, then since %v", before.Since, after.Since)
	}
	must(t, s.Apply(ctx, coordinator.Set("/n", nil, 0)))
	Until(t, "the watch", signals, func() bool {
		n, err := s.Get(ctx, "/n")
		return err == nil && n.Version == 1
	})
	if _, err := s.Get(ctx, "/none"); !errors.Is(err, coordinator.ErrNoNode) {
		t.Error(err)
	}
}
