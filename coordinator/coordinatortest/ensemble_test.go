package coordinatortest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

// What one member's death or silence, and the loss of the quorum, cost: a
// pause, and no session.
func TestD60EnsembleFaults(t *testing.T) {
	t.Parallel()
	zoo := zookeepertest.StartEnsemble(t, 3)
	f := Fixture{Servers: zoo.Addrs(), Root: "/polybolt"}
	s := f.Open(t, ShortSession(6*time.Second))
	ctx := t.Context()
	must(t, s.Apply(ctx, coordinator.Create("/n", nil), coordinator.CreateEphemeral("/e", []byte("me"))))
	session := s.Session().ID
	signals := s.Watch(ctx, "/n")

	version := int32(0)
	works := func(after string) {
		t.Helper()
		begin := time.Now()
		defer func() { t.Logf("after %s: %v", after, time.Since(begin).Round(time.Millisecond)) }()
		must(t, s.Apply(ctx, coordinator.Set("/n", []byte(after), version)))
		version++
		Until(t, "the watch after "+after, signals, func() bool {
			n, err := s.Get(ctx, "/n")
			return err == nil && n.Version == version
		})
		if n, err := s.Get(ctx, "/e"); err != nil || n.Ephemeral != session || s.Session().ID != session {
			t.Fatalf("after %s: ephemeral %+v, %v; session %#x, then %#x", after, n, err, session, s.Session().ID)
		}
	}
	works("nothing")
	for i := range 3 {
		zoo.Kill(t, i)
		works("a member was killed")
		zoo.Restart(t, i)
		works("it came back")
	}
	for range 2 {
		frozen := zoo.Leader(t)
		zoo.Pause(t, frozen)
		works("the leader was frozen")
		zoo.Resume(t, frozen)
		zoo.WaitReady(t, frozen)
	}

	// Without a quorum nothing is answered, and nothing is lost.
	zoo.Kill(t, 0)
	zoo.Kill(t, 1)
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	if err := s.Apply(short, coordinator.Create("/without-quorum", nil)); !errors.Is(err, coordinator.ErrUnavailable) {
		t.Errorf("without a quorum: %v", err)
	}
	zoo.RestartNoWait(t, 0)
	zoo.Restart(t, 1)
	works("the quorum was lost")

	// All of them at once, as in a power cut.
	for i := range 3 {
		zoo.Kill(t, i)
	}
	for i := range 3 {
		zoo.RestartNoWait(t, i)
	}
	works("all were killed")
}

// The suite's test of a crash needs a server of its own. TestD60EnsembleFaults
// does it to an ensemble.
func TestCrashRealServer(t *testing.T) {
	t.Parallel()
	zoo := zookeepertest.Start(t)
	testCrash(t, Fixture{Servers: zoo.Addrs(), Root: "/polybolt", Crash: func(t testing.TB) { zoo.Restart(t, 0) }})
}

// A member that is behind does not show the past to a store that has seen
// more, and after a reconnect a store sees all that was committed before it.
func TestReconnectShowsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	f := Fixture{Servers: ensemble.Addrs(), Root: ensemble.Root()}
	writer := f.Open(t)
	must(t, writer.Apply(t.Context(), coordinator.Create("/n", nil)))
	for i := range f.Servers {
		one := f
		one.Servers = slices.Clone(f.Servers[i : i+1])
		reader, proxy := one.Behind(t)
		for range 10 {
			n, err := writer.Get(t.Context(), "/n")
			must(t, err)
			must(t, writer.Apply(t.Context(), coordinator.Set("/n", nil, n.Version)))
			before := reader.Session().Since
			proxy.Cut()
			Eventually(t, "connected again", func() bool {
				now := reader.Session()
				return now.Connected && now.Since.After(before)
			})
			if got, err := reader.Get(t.Context(), "/n"); err != nil || got.Version <= n.Version {
				t.Fatalf("member %d shows version %d after %d was committed, %v", i, got.Version, n.Version+1, err)
			}
		}
	}
}
