package cluster

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/blob"
)

// apply writes something as anybody with access could.
func apply(t *testing.T, store coordinator.Store, ops ...coordinator.Op) {
	t.Helper()
	if err := store.Apply(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
}

// createRun makes a topology with a run whose one worker is here.
func createRun(t *testing.T, term *Term) {
	t.Helper()
	var b Batch
	b.CreateTopology(&Topology{Name: run7.Topology, Run: 7, Serving: 7})
	b.CreateRun(&Run{ID: run7, Version: 3, Bundle: bundle, File: "topology.yaml", Mode: Active, Created: moment},
		&Assignment{Epoch: 1, Workers: []Worker{{Place: here, Address: "h:1"}}, Tasks: []int{0}})
	b.CreateWorker(run7, here)
	if err := term.Apply(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
}

// What supervisors and workers write can be nonsense: those whose records are
// good are not disturbed, and it is told what was wrong.
func TestHostileSupervisorsAndWorkers(t *testing.T) {
	t.Parallel()
	c, store := open(t)
	createRun(t, elect(t, c))
	good := &Supervisor{ID: here.Supervisor, Host: "m1", Address: "h", Started: moment}
	data, err := encode(good)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, store, coordinator.Create(supervisorPath(good.ID), data), coordinator.Create(supervisorPath(there.Supervisor), data),
		coordinator.Create(supervisorPath("x"), []byte("\x00")))
	list, bad, err := c.Supervisors(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("supervisors: %v, %v", list, err)
	}
	for _, want := range []string{"/supervisors/ba9876543210", "it says it is 0123456789ab", "/supervisors/x "} {
		if bad == nil || !strings.Contains(bad.Error(), want) {
			t.Errorf("%q is not in %v", want, bad)
		}
	}

	apply(t, store, coordinator.Set(workerPath(run7, here), []byte("{"), coordinator.AnyVersion),
		coordinator.Create(alivePath(run7, here, who), []byte("nonsense")),
		coordinator.Create(workerPath(run7, here)+"/whatever", nil),
		coordinator.Create(failuresPath(run7, here, "split"), []byte("[]")))
	s, err := c.WorkerState(t.Context(), run7, here)
	if err != nil {
		t.Fatal(err)
	}
	if s.Report != nil || s.Bad == nil || len(s.Alive) != 1 || s.Alive[0].Incarnation != who {
		t.Errorf("a process that writes nonsense lives all the same: %+v", s)
	}
	failures, bad, err := c.Failures(t.Context(), run7, here)
	if err != nil || len(failures) != 0 || bad == nil {
		t.Errorf("failures: %v, %v, %v", failures, bad, err)
	}
}

func TestFailuresAreKeptWithTheWorker(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	term := elect(t, c)
	createRun(t, term)
	f := samples[len(samples)-2].(*Failures)
	for range 2 { // creates, and replaces
		if err := c.SetFailures(t.Context(), run7, here, f); err != nil {
			t.Fatal(err)
		}
	}
	list, bad, err := c.Failures(t.Context(), run7, here)
	if diff := cmp.Diff([]Failures{*f}, list); err != nil || bad != nil || diff != "" {
		t.Errorf("%v, %v\n%s", bad, err, diff)
	}
	if err := term.RemoveRun(t.Context(), run7); err != nil {
		t.Fatal(err)
	}
	if err := c.SetFailures(t.Context(), run7, here, f); !errors.Is(err, ErrGone) {
		t.Errorf("after the run: %v", err)
	}
}

// A leader that has been replaced changes nothing any more, whatever it thinks.
func TestDeposedLeaderWritesNothing(t *testing.T) {
	t.Parallel()
	c, store := open(t)
	term := elect(t, c)
	createRun(t, term)
	before, err := c.Topology(t.Context(), run7.Topology)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, store, coordinator.Set(leaderPath, nil, coordinator.AnyVersion)) // as the next one does
	var b Batch
	b.SetTopology(&Topology{Name: run7.Topology}, before.Version)
	_, put := term.PutBundle(t.Context(), []byte("x"))
	for what, err := range map[string]error{
		"change": term.Apply(t.Context(), &b), "removal of a run": term.RemoveRun(t.Context(), run7),
		"removal of a topology": term.RemoveTopology(t.Context(), run7.Topology), "bundle": put,
	} {
		if !errors.Is(err, ErrDeposed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	after, err := c.Topology(t.Context(), run7.Topology)
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestBundlesAreVerified(t *testing.T) {
	t.Parallel()
	c, store := open(t)
	term := elect(t, c)
	packed := make([]byte, 2*ChunkSize+17)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(packed) // never fails
	hash, err := term.PutBundle(t.Context(), packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := term.PutBundle(t.Context(), packed); err != nil {
		t.Errorf("the second time: %v", err)
	}
	b := Bundle{Hash: hash, Size: int64(len(packed))}
	fetch := func(b Bundle) error {
		got, err := c.FetchBundle(t.Context(), b)
		if err == nil && !bytes.Equal(got, packed) {
			t.Error("the contents differ")
		}
		return err
	}
	if err := fetch(b); err != nil {
		t.Error(err)
	}
	wants := func(what string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), b.Hash.Short()) {
			t.Errorf("%s: %v", what, err)
		}
	}
	wants("another size", fetch(Bundle{hash, b.Size - 1}), "chunk 2 has 17 bytes, and not 16")
	wants("more chunks", fetch(Bundle{hash, b.Size + ChunkSize}), "fetch bundle")
	flipped := bytes.Clone(packed[ChunkSize : 2*ChunkSize])
	flipped[1000] ^= 1
	apply(t, store, coordinator.Set(chunkPath(hash, 1), flipped, coordinator.AnyVersion))
	wants("a flipped bit", fetch(b), "its contents have the hash")
	apply(t, store, coordinator.Delete(chunkPath(hash, 1), coordinator.AnyVersion))
	err = fetch(b)
	wants("a missing chunk", err, "not there")
	if !errors.Is(err, ErrGone) {
		t.Errorf("a missing chunk: %v", err)
	}
	if err := fetch(Bundle{"../../etc", 10}); err == nil {
		t.Error("a hash that is none is no error")
	}
	if err := term.RemoveBundle(t.Context(), hash); err != nil {
		t.Fatal(err)
	}
	if list, err := c.Bundles(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("bundles that are left: %v, %v", list, err)
	}
}

// A run with more nodes than one change can delete.
func TestRemoveManyNodes(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	term := elect(t, c)
	createRun(t, term)
	for lane := range Lanes {
		var b Batch
		for slot := range 500 {
			b.CreateWorker(run7, Place{there.Supervisor, slot, lane})
		}
		if err := term.Apply(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	if err := term.RemoveTopology(t.Context(), run7.Topology); err != nil {
		t.Fatal(err)
	}
	if list, err := c.Topologies(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("topologies that are left: %v, %v", list, err)
	}
}

// Ephemerals come back when somebody deletes them, and go with their owner.
func TestKeep(t *testing.T) {
	t.Parallel()
	c, store := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := &Supervisor{ID: here.Supervisor, Host: "m1", Address: "h"}
	go func() { done <- c.KeepSupervisor(ctx, s) }()
	changes := c.WatchSupervisors(t.Context())
	until := func(want int) {
		t.Helper()
		for {
			select {
			case <-changes:
			case <-t.Context().Done():
				t.Fatal(t.Context().Err())
			}
			list, bad, err := c.Supervisors(t.Context())
			if err != nil || bad != nil {
				t.Fatal(bad, err)
			}
			if len(list) == want {
				return
			}
		}
	}
	until(1)
	apply(t, store, coordinator.Delete(supervisorPath(s.ID), coordinator.AnyVersion))
	until(1)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	until(0)
	if err := c.KeepAlive(t.Context(), run7, here, &Alive{Incarnation: who}); !errors.Is(err, ErrGone) {
		t.Errorf("a worker without a place: %v", err)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "short": "short", "0123456789": "0123456789", "0123456789a": "0123456…", "aaaaaaüüüüü": "aaaaaa…", "\xff\xff": "\ufffd"} {
		if got := Cut(in, 10); got != want {
			t.Errorf("Cut(%q) is %q, and not %q", in, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", ".", "a", "a.", "a.0", "a.01", "a.+1", "a.-1", "a.1.2", "../x.1", "a/b.1", "a.99999999999", "ü.1", strings.Repeat("a", 65) + ".1"} {
		if err := new(RunID).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q names a run", text)
		}
	}
	for _, text := range []string{"", "0123456789ab", "0123456789ab.0", "0123456789ab.0.2", "0123456789ab.1024.0", "0123456789AB.0.0", "0123456789ab.00.0", "../456789ab.0.0", "0123456789ab.0.0.0"} {
		if err := new(Place).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q names a place", text)
		}
	}
	if n := Incarnation("00ff00ff00ff00ff").Uint64(); n != 0x00ff00ff00ff00ff {
		t.Errorf("%x", n)
	}
	if n := Incarnation("-1").Uint64(); n != 0 {
		t.Errorf("%x", n)
	}
	if a, b := blob.Hash(strings.Repeat("0", 64)).Validate(), blob.Hash("..").Validate(); a != nil || b == nil {
		t.Error(a, b)
	}
}
