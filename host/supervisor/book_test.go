package supervisor

import (
	"log/slog"
	"testing"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
)

// The file says what goes on, after every change.
func TestBook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b book
	one, two := cluster.Place{Slot: 0}, cluster.Place{Slot: 1}
	b.note(one, running) // nobody has opened it
	b.open(&Options{Dir: dir, Host: "here", Slots: 2, Log: slog.New(slog.DiscardHandler)}, "me")
	for _, p := range []phase{fetching, starting, running, backoff, fetching, starting, starting} {
		b.note(one, p)
	}
	b.note(two, fetching)
	m, err := slot.ReadMachine(dir)
	if err != nil || m.Supervisor != "me" || m.Slots != 2 || m.Starts != 2 || m.Deaths != 1 || len(m.Phases) != 2 || m.Phases["starting"] != 1 || m.Phases["fetching"] != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	b.note(two, empty)
	if m, err = slot.ReadMachine(dir); err != nil || len(m.Phases) != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}
