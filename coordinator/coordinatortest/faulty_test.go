package coordinatortest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

func newFaulty(t *testing.T) (*Faulty, coordinator.Store) {
	t.Helper()
	f := Embedded(t)
	return NewFaulty(t, func(t testing.TB) coordinator.Store { return f.Open(t) }), f.Open(t)
}

func TestFaultyCalls(t *testing.T) {
	t.Parallel()
	s, witness := newFaulty(t)
	ctx := t.Context()
	must(t, s.Apply(ctx, coordinator.Create("/a", nil)))

	remove := s.Inject(Unavailable)
	_, err := s.Get(ctx, "/a")
	want(t, err, coordinator.ErrUnavailable)
	_, err = s.Children(ctx, "/a")
	want(t, err, coordinator.ErrUnavailable)
	want(t, s.Apply(ctx, coordinator.Create("/b", nil)), coordinator.ErrUnavailable)
	remove()
	if exists(t, witness, "/b") {
		t.Error("an unavailable coordinator made a change")
	}

	s.Inject(On(func(c Call) bool { return c.Path == "/b" && len(c.Ops) == 2 }, Times(1, LoseAnswer)))
	must(t, s.Apply(ctx, coordinator.Set("/a", nil, 0)))
	want(t, s.Apply(ctx, coordinator.Create("/b", nil), coordinator.Check("/a", 1)), coordinator.ErrUnavailable)
	if !exists(t, witness, "/b") {
		t.Error("a lost answer lost the change too")
	}
	want(t, s.Apply(ctx, coordinator.Create("/b", nil), coordinator.Check("/a", 1)), coordinator.ErrExists)

	release := make(chan struct{})
	remove = s.Inject(Hold(release))
	done := make(chan error, 1)
	go func() { done <- s.Apply(ctx, coordinator.Create("/c", nil)) }()
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err = s.Get(short, "/a")
	want(t, err, coordinator.ErrUnavailable)
	if exists(t, witness, "/c") {
		t.Error("a held change was made")
	}
	close(release)
	must(t, <-done)
	remove()
}

func TestFaultySession(t *testing.T) {
	t.Parallel()
	s, witness := newFaulty(t)
	ctx := t.Context()
	signals := s.Watch(ctx, "/e")
	must(t, s.Apply(ctx, coordinator.CreateEphemeral("/e", nil)))
	before := s.Session()

	s.Distrust(true)
	if s.Session().Trusted {
		t.Error("trusted")
	}
	s.Distrust(false)
	if now := s.Session(); !now.Trusted || now.ID != before.ID {
		t.Errorf("%+v", now)
	}

	s.Disconnect(true)
	if now := s.Session(); now.Connected || !now.Since.After(before.Since) {
		t.Errorf("%+v", now)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := s.Get(short, "/e")
	want(t, err, coordinator.ErrUnavailable)
	want(t, err, context.DeadlineExceeded)
	done := make(chan error, 1)
	go func() {
		_, err := s.Get(ctx, "/e")
		done <- err
	}()
	s.Disconnect(false)
	must(t, <-done)

	s.Expire()
	if now := s.Session(); now.ID == before.ID || !now.Connected {
		t.Errorf("%+v", now)
	}
	Until(t, "the ephemeral is gone", signals, func() bool {
		_, err := s.Get(ctx, "/e")
		return errors.Is(err, coordinator.ErrNoNode)
	})

	// Watches go on after an expiry, but for while they are silent.
	drain(signals)
	s.Silence(true)
	drain(signals)
	must(t, witness.Apply(ctx, coordinator.Create("/e", nil)))
	select {
	case <-signals:
		t.Error("a silent watch signals")
	case <-time.After(50 * time.Millisecond):
	}
	s.Silence(false)
	Until(t, "what was kept back", signals, func() bool { return exists(t, s, "/e") })
	must(t, s.Close())
}
