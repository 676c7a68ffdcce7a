package cluster

import (
	"context"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open begins a session with a coordinator of the test's own.
func open(t *testing.T) (*Cluster, coordinator.Store) {
	t.Helper()
	store := coordinatortest.Embedded(t).Open(t)
	c := New(store, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, store
}

// elect makes a term to write with. It ends with the test.
func elect(t *testing.T, c *Cluster) *Term {
	t.Helper()
	terms, stop, done := make(chan *Term), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- c.Elect(t.Context(), &Nimbus{Incarnation: NewIncarnation()}, func(ctx context.Context, term *Term) error {
			select {
			case terms <- term:
			case <-stop: // it leads again, and the test has had its term
			case <-ctx.Done():
			}
			select {
			case <-stop:
			case <-ctx.Done():
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		close(stop)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return <-terms
}
