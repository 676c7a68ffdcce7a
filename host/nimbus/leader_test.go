package nimbus

import (
	"testing"

	"github.com/polybolt/polybolt/coordinator"
)

// A coordinator that does not answer for a while is no reason to stop being a
// nimbus, whatever it was asked.
func TestLookingForSupervisorsInVain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, 1)
	f.start(0, false)
	leads := f.nimbus.current()
	f.store.mu.Lock()
	f.store.deaf = "/supervisors"
	f.store.mu.Unlock()
	// Somebody comes: the leader looks who is there.
	if err := f.f.Open(t).Apply(t.Context(), coordinator.CreateEphemeral("/supervisors/stranger", nil)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the leader has looked", func() bool {
		f.store.mu.Lock()
		defer f.store.mu.Unlock()
		return f.store.deaf == ""
	})
	if err := f.deploy(f.bundle(1, 1, "")); err != nil {
		t.Fatal(err)
	}
	if f.nimbus.current() != leads {
		t.Error("it has given up its term")
	}
}
