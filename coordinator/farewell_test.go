package coordinator_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest"
)

// hasty is a fault that calls leave while an ephemeral is being made. A caller that
// does not wait for the answer gets none, and the request is in late: it reaches the
// coordinator after whatever the caller asks next.
func hasty(leave func(), late chan<- []coordinator.Op) coordinatortest.Fault {
	var once sync.Once
	return func(ctx context.Context, call coordinatortest.Call, do func() error) error {
		makes := false
		for _, op := range call.Ops {
			makes = makes || op.Kind == coordinator.OpCreateEphemeral
		}
		if !makes {
			return do()
		}
		once.Do(leave)
		if ctx.Err() == nil {
			return do()
		}
		late <- call.Ops
		return fmt.Errorf("injected: %w: %w", coordinator.ErrUnavailable, context.Cause(ctx))
	}
}

// left carries out what came late, and fails the test if there is a node.
func left(t *testing.T, s coordinator.Store, late chan []coordinator.Op, path string) {
	t.Helper()
	close(late)
	for ops := range late {
		must(t, s.Apply(t.Context(), ops...))
	}
	_, err := s.Get(t.Context(), path)
	want(t, err, coordinator.ErrNoNode)
}

// Whoever is told to end while it registers leaves no node behind: its session may
// live on, and then everybody would take it for alive.
func TestRegistrationEndsWhileItBegins(t *testing.T) {
	t.Parallel()
	s := faulty(t, coordinatortest.Embedded(t))
	ctx, leave := context.WithCancel(t.Context())
	late := make(chan []coordinator.Op, 16)
	s.Inject(hasty(leave, late))
	r := coordinator.NewRegistration(s, "/me", []byte("x"), coordinator.RegistrationOptions{})
	must(t, r.Run(ctx))
	left(t, s, late, "/me")
}

func TestElectionEndsWhileItIsWon(t *testing.T) {
	t.Parallel()
	s := faulty(t, coordinatortest.Embedded(t))
	ctx, leave := context.WithCancel(t.Context())
	late := make(chan []coordinator.Op, 16)
	s.Inject(hasty(leave, late))
	e := &coordinator.Election{Store: s, Path: "/nimbus", Data: []byte("x")}
	must(t, e.Run(ctx, func(context.Context, coordinator.Term) error {
		t.Error("it leads after its end")
		return nil
	}))
	left(t, s, late, "/nimbus/leader")
}
