package coordinator_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest"
)

// register runs a registration until the test ends or leave is called.
func register(t *testing.T, s coordinator.Store, data string, opts coordinator.RegistrationOptions) (r *coordinator.Registration, leave func(), ended chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r = coordinator.NewRegistration(s, "/me", []byte(data), opts)
	ended = make(chan error, 1)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ended <- r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-stopped
	})
	return r, cancel, ended
}

func ready(t *testing.T, r *coordinator.Registration) {
	t.Helper()
	select {
	case <-r.Ready():
	case <-time.After(30 * time.Second):
		t.Fatal("not registered")
	}
}

func TestRegistrationIsKept(t *testing.T) {
	t.Parallel()
	f := coordinatortest.Embedded(t)
	s, witness := faulty(t, f), f.Open(t)
	signals := witness.Watch(t.Context(), "/me")
	holds := func(data string) func() bool {
		return func() bool {
			n, err := witness.Get(t.Context(), "/me")
			return err == nil && string(n.Data) == data && n.Ephemeral == s.Session().ID
		}
	}
	r, leave, ended := register(t, s, "one", coordinator.RegistrationOptions{})
	ready(t, r)
	coordinatortest.Until(t, "registered", signals, holds("one"))
	r.Update([]byte("two"))
	coordinatortest.Until(t, "updated", signals, holds("two"))
	s.Expire()
	coordinatortest.Until(t, "registered by the new session", signals, holds("two"))
	must(t, witness.Apply(t.Context(), coordinator.Delete("/me", coordinator.AnyVersion)))
	coordinatortest.Until(t, "made anew after a deletion", signals, holds("two"))
	must(t, witness.Apply(t.Context(), coordinator.Set("/me", []byte("forged"), coordinator.AnyVersion)))
	coordinatortest.Until(t, "mended", signals, holds("two"))

	s.Disconnect(true)
	r.Update([]byte("three"))
	s.Disconnect(false)
	coordinatortest.Until(t, "updated after the reconnect", signals, holds("three"))

	remove := s.Inject(coordinatortest.On(
		func(c coordinatortest.Call) bool { return c.Method == "Apply" }, coordinatortest.LoseAnswer))
	r.Update([]byte("four"))
	coordinatortest.Until(t, "updated without an answer", signals, holds("four"))
	remove()

	leave()
	must(t, <-ended)
	if _, err := witness.Get(t.Context(), "/me"); err == nil {
		t.Error("the node stays after Run")
	}
}

// A node of an earlier life is replaced at once if it is recognised, and
// waited for if not.
func TestRegistrationAfterRestart(t *testing.T) {
	t.Parallel()
	for name, replaces := range map[string]func(coordinator.Node) bool{
		"recognised": func(n coordinator.Node) bool { return bytes.HasPrefix(n.Data, []byte("me")) },
		"foreign":    func(coordinator.Node) bool { return false },
		"unasked":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := coordinatortest.Embedded(t)
			earlier, s := f.Open(t), f.Open(t)
			must(t, earlier.Apply(t.Context(), coordinator.CreateEphemeral("/me", []byte("me, earlier"))))
			r, _, _ := register(t, s, "me, now", coordinator.RegistrationOptions{Replaces: replaces})
			if name != "recognised" {
				select {
				case <-r.Ready():
					t.Fatal("another's node was taken")
				case <-time.After(50 * time.Millisecond):
				}
				must(t, earlier.Close())
			}
			ready(t, r)
			if n, err := s.Get(t.Context(), "/me"); err != nil || string(n.Data) != "me, now" || n.Ephemeral != s.Session().ID {
				t.Errorf("%+v, %v", n, err)
			}
		})
	}
}

// What cannot be kept is an error: a worker whose parent node is gone has no
// assignment any more.
func TestRegistrationNeedsItsParent(t *testing.T) {
	t.Parallel()
	s := coordinatortest.Embedded(t).Open(t)
	r := coordinator.NewRegistration(s, "/worker/me", nil, coordinator.RegistrationOptions{})
	want(t, r.Run(t.Context()), coordinator.ErrNoNode)
}

// An end while the coordinator is away does not wait for it.
func TestRegistrationEndsWithoutCoordinator(t *testing.T) {
	t.Parallel()
	s := faulty(t, coordinatortest.Embedded(t))
	r, leave, ended := register(t, s, "x", coordinator.RegistrationOptions{})
	ready(t, r)
	s.Disconnect(true)
	defer s.Disconnect(false)
	begin := time.Now()
	leave()
	must(t, <-ended)
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestEnsure(t *testing.T) {
	t.Parallel()
	f := coordinatortest.Embedded(t)
	s := f.Open(t)
	for range 2 {
		must(t, coordinator.Ensure(t.Context(), s, "/a/b/c/d"))
		must(t, coordinator.Ensure(t.Context(), s, "/"))
	}
	if _, err := s.Get(t.Context(), "/a/b/c/d"); err != nil {
		t.Error(err)
	}
	want(t, coordinator.Ensure(t.Context(), s, "x"), coordinator.ErrInvalid)
}
