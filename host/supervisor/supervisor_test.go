package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
)

const patience = 60 * time.Second

// coordinate opens a session with a coordinator, both of which end with the test.
func coordinate(t *testing.T) coordinator.Store {
	t.Helper()
	return coordinatortest.Embedded(t).Open(t)
}

func newSupervisor(t *testing.T, store coordinator.Store, dir string) *Supervisor {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	s, err := New(cluster.New(store, log), Options{Dir: dir, Host: "here", Address: "127.0.0.1", Slots: 2, Bundle: blob.DefaultLimits(), Times: DefaultTimes(), Log: log,
		Command: func(string) *exec.Cmd { return exec.Command("false") }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A supervisor can be ended at any moment, in either way, and the next one of
// the folder is the same one.
func TestStartAndEnd(t *testing.T) {
	t.Parallel()
	store := coordinate(t)
	dir := t.TempDir()
	var first cluster.SupervisorID
	for n := range 40 {
		s := newSupervisor(t, store, dir)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*time.Millisecond)
		if n%2 == 0 {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), patience)
			time.AfterFunc(time.Duration(n)*time.Millisecond, s.End)
		}
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 && ctx.Err() != nil {
			t.Fatal("it did not end when it was told to")
		}
		cancel()
		if first == "" {
			first = s.id
		} else if s.id != first {
			t.Fatalf("it was %s and is %s", first, s.id)
		}
	}
}

// Two cannot share a folder.
func TestOneOfAFolder(t *testing.T) {
	t.Parallel()
	store := coordinate(t)
	dir := t.TempDir()
	s := newSupervisor(t, store, dir)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	<-s.Ready()
	if err := newSupervisor(t, store, dir).Run(t.Context()); !errors.Is(err, ErrBusy) {
		t.Errorf("the second one: %v", err)
	}
	s.End()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What is no record ends it at once, with the node's name: somebody has to look.
func TestUnreadableRecord(t *testing.T) {
	t.Parallel()
	store := coordinate(t)
	s := newSupervisor(t, store, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	path := "/slots/" + string(s.id)
	if err := coordinator.Ensure(ctx, store, path); err != nil {
		t.Fatal(err)
	}
	if err := store.Apply(ctx, coordinator.Create(path+"/0.0", []byte("\x01nonsense"))); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), path+"/0.0") {
		t.Errorf("it ended with %v", err)
	}
}

// What it remembers is started without a coordinator that knows anything of it; nonsense is not believed.
func TestRecall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newSupervisor(t, coordinate(t), dir)
	release, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	place := cluster.Place{Supervisor: s.id, Slot: 1}
	placed := cluster.Placement{Run: runA, Bundle: cluster.Bundle{Hash: blob.HashOf(nil), Size: 1}}
	s.wanted = map[cluster.Place]cluster.Placement{place: placed}
	s.remember()
	s.wanted = nil
	s.recall()
	if len(s.wanted) != 1 || s.wanted[place] != placed {
		t.Errorf("it recalls %v", s.wanted)
	}
	for _, text := range []string{"", "{", `{"ffffffffffff.1.0":{"run":"words.1","bundle":{"hash":"` + string(blob.HashOf(nil)) + `","size":1}}}`, `{"` + place.String() + `":{}}`} {
		if err := os.WriteFile(s.memoryFile(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.wanted = nil
		s.recall()
		if len(s.wanted) != 0 {
			t.Errorf("of %q it recalls %v", text, s.wanted)
		}
	}
}
