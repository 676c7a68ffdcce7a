package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// candidate stands for election until the test ends or leave is called.
type candidate struct {
	store   coordinator.Store
	terms   chan term // a term begins
	leave   func()
	ended   chan error
	resigns chan error // what lead returns while it leads
}

type term struct {
	coordinator.Term
	ctx context.Context
}

func stand(t *testing.T, s coordinator.Store, name string) *candidate {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &candidate{
		store: s, terms: make(chan term, 16), leave: cancel, ended: make(chan error, 1), resigns: make(chan error),
	}
	e := &coordinator.Election{Store: s, Path: "/nimbus", Data: []byte(name)}
	go func() {
		c.ended <- e.Run(ctx, func(ctx context.Context, now coordinator.Term) error {
			select {
			case c.terms <- term{now, ctx}:
			case <-ctx.Done(): // more terms than the test looks at
				return ctx.Err()
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case err := <-c.resigns:
				return err
			}
		})
		close(c.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-c.ended
	})
	return c
}

// begun waits for the candidate's next term.
func (c *candidate) begun(t *testing.T) term {
	t.Helper()
	select {
	case now := <-c.terms:
		return now
	case <-time.After(30 * time.Second):
		t.Fatal("no term begins")
		return term{}
	}
}

// over waits for the end of a term and returns its cause.
func (now term) over(t *testing.T) error {
	t.Helper()
	select {
	case <-now.ctx.Done():
		return context.Cause(now.ctx)
	case <-time.After(30 * time.Second):
		t.Fatal("the term does not end")
		return nil
	}
}

func want(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
}

func faulty(t *testing.T, f coordinatortest.Fixture) *coordinatortest.Faulty {
	t.Helper()
	return coordinatortest.NewFaulty(t, func(t testing.TB) coordinator.Store { return f.Open(t) })
}

func TestElectionPassesOn(t *testing.T) {
	t.Parallel()
	f := coordinatortest.Embedded(t)
	first := stand(t, f.Open(t), "first")
	one := first.begun(t)
	second := stand(t, f.Open(t), "second")
	witness := f.Open(t)
	if n, err := witness.Get(t.Context(), "/nimbus/leader"); err != nil || string(n.Data) != "first" {
		t.Errorf("the leader to be read is %q, %v", n.Data, err)
	}
	must(t, first.store.Apply(t.Context(), one.Fence(), coordinator.Create("/state", nil)))
	select {
	case now := <-second.terms:
		t.Fatalf("two terms at once: %+v and %+v", one.Term, now.Term)
	case <-time.After(50 * time.Millisecond):
	}

	first.leave()
	two := second.begun(t)
	if two.Epoch <= one.Epoch {
		t.Errorf("epoch %d follows %d", two.Epoch, one.Epoch)
	}
	if err, ok := <-first.ended; err != nil || !ok {
		t.Errorf("Run of a candidate that leaves: %v", err)
	}
	// A change of the earlier term that arrives now is refused.
	want(t, first.store.Apply(t.Context(), one.Fence(), coordinator.Set("/state", nil, 0)), coordinator.ErrVersion)
	must(t, second.store.Apply(t.Context(), two.Fence(), coordinator.Set("/state", nil, 0)))
}

// What makes a term end, ends it with the cause; and the candidate stands again.
func TestElectionEndsTerm(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*coordinatortest.Faulty, coordinator.Store) error{
		"session expired": func(s *coordinatortest.Faulty, _ coordinator.Store) error { s.Expire(); return nil },
		"not trusted":     func(s *coordinatortest.Faulty, _ coordinator.Store) error { s.Distrust(true); return nil },
		"node deleted": func(_ *coordinatortest.Faulty, other coordinator.Store) error {
			return other.Apply(context.Background(), coordinator.Delete("/nimbus/leader", coordinator.AnyVersion))
		},
		"another term": func(_ *coordinatortest.Faulty, other coordinator.Store) error {
			return other.Apply(context.Background(), coordinator.Set("/nimbus", nil, coordinator.AnyVersion),
				coordinator.Set("/nimbus/leader", nil, coordinator.AnyVersion))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := coordinatortest.Embedded(t)
			s := faulty(t, f)
			c := stand(t, s, "me")
			one := c.begun(t)
			must(t, fault(s, f.Open(t)))
			want(t, one.over(t), coordinator.ErrLeadershipLost)
			s.Distrust(false)
			two := c.begun(t)
			if two.Epoch <= one.Epoch {
				t.Errorf("epoch %d follows %d", two.Epoch, one.Epoch)
			}
			must(t, s.Apply(t.Context(), two.Fence()))
			want(t, s.Apply(t.Context(), one.Fence()), coordinator.ErrVersion)
		})
	}
}

// A leader that is merely disconnected for a moment goes on.
func TestElectionSurvivesShortLoss(t *testing.T) {
	t.Parallel()
	s := faulty(t, coordinatortest.Embedded(t))
	c := stand(t, s, "me")
	now := c.begun(t)
	for range 3 {
		s.Disconnect(true)
		s.Disconnect(false)
		must(t, s.Apply(t.Context(), now.Fence()))
	}
	if now.ctx.Err() != nil {
		t.Errorf("the term ended: %v", context.Cause(now.ctx))
	}
}

// With watches silent, a leader still stops trusting itself.
func TestElectionDoesNotNeedWatches(t *testing.T) {
	t.Parallel()
	f := coordinatortest.Embedded(t)
	s := coordinatortest.NewFaulty(t, func(t testing.TB) coordinator.Store {
		return f.Open(t, coordinatortest.ShortSession(500*time.Millisecond))
	})
	c := stand(t, s, "me")
	now := c.begun(t)
	s.Silence(true)
	s.Distrust(true)
	want(t, now.over(t), coordinator.ErrLeadershipLost)
	s.Silence(false)
	s.Distrust(false)
}

// An answer that is lost when the leadership is won must not end in a leader
// who does not know, nor in two.
func TestElectionLosesAnswers(t *testing.T) {
	t.Parallel()
	f := coordinatortest.Embedded(t)
	s := faulty(t, f)
	s.Inject(coordinatortest.On(func(c coordinatortest.Call) bool { return c.Method == "Apply" },
		coordinatortest.Times(3, coordinatortest.LoseAnswer)))
	s.Inject(coordinatortest.Times(2, coordinatortest.Unavailable))
	c := stand(t, s, "me")
	now := c.begun(t)
	must(t, s.Apply(t.Context(), now.Fence()))
	if n, err := f.Open(t).Get(t.Context(), "/nimbus/leader"); err != nil || n.Ephemeral != s.Session().ID {
		t.Errorf("the leader's node: %+v, %v", n, err)
	}
}

// When lead gives up by itself, Run resigns and tells why.
func TestElectionReturnsLeadersError(t *testing.T) {
	t.Parallel()
	f := coordinatortest.Embedded(t)
	broken := errors.New("broken")
	first, second := stand(t, f.Open(t), "first"), stand(t, f.Open(t), "second")
	var leader, standby *candidate
	select {
	case <-first.terms:
		leader, standby = first, second
	case <-second.terms:
		leader, standby = second, first
	}
	leader.resigns <- broken
	want(t, <-leader.ended, broken)
	standby.begun(t)
}

func TestElectionNeedsParentAndRights(t *testing.T) {
	t.Parallel()
	s := coordinatortest.Embedded(t).Open(t)
	e := &coordinator.Election{Store: s, Path: "/no/nimbus"}
	want(t, e.Run(t.Context(), nil), coordinator.ErrNoNode)
	closed := coordinatortest.Embedded(t).Open(t)
	must(t, closed.Close())
	e = &coordinator.Election{Store: closed, Path: "/nimbus"}
	want(t, e.Run(t.Context(), nil), coordinator.ErrClosed)
}

// Many candidates that come and go: one leader at a time, in every moment.
func TestElectionStress(t *testing.T) {
	t.Parallel()
	f := coordinatortest.Embedded(t)
	var leading atomic.Int32
	const rivals, rounds = 5, 20
	ended := make(chan error, rivals)
	for i := range rivals {
		s := f.Open(t)
		go func() {
			for range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				e := &coordinator.Election{Store: s, Path: "/nimbus", Data: fmt.Append(nil, i)}
				err := e.Run(ctx, func(context.Context, coordinator.Term) error {
					if n := leading.Add(1); n != 1 {
						t.Errorf("%d leaders", n)
					}
					leading.Add(-1)
					cancel()
					return nil
				})
				if cancel(); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	for range rivals {
		select {
		case err := <-ended:
			must(t, err)
		case <-time.After(30 * time.Second):
			t.Fatal("a candidate does not get its turns")
		}
	}
}
