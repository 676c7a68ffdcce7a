package nimbus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest"
	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLog logs to the test, which must not have ended.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// mortal is a store whose owner dies at its n-th change: after it, or, if before
// is set, instead of it.
type mortal struct {
	coordinator.Store

	mu     sync.Mutex
	before bool          // guarded by mu
	count  int           // guarded by mu: changes so far
	last   int           // guarded by mu; 0: immortal
	deaf   string        // guarded by mu: the path whose children are not told, the next time that they are asked for
	died   chan struct{} // closed when it dies
	gone   chan struct{} // closed when nothing of it is left
}

func (m *mortal) Children(ctx context.Context, path string) ([]string, error) {
	m.mu.Lock()
	deaf := m.deaf == path
	if deaf {
		m.deaf = ""
	}
	m.mu.Unlock()
	if deaf {
		return nil, fmt.Errorf("%w: nobody answers", coordinator.ErrUnavailable)
	}
	return m.Store.Children(ctx, path)
}

func (m *mortal) Apply(ctx context.Context, ops ...coordinator.Op) error {
	m.mu.Lock()
	m.count++
	n, last, before := m.count, m.last, m.before
	m.mu.Unlock()
	if last == 0 || n < last {
		return m.Store.Apply(ctx, ops...)
	}
	if n == last {
		if !before {
			_ = m.Store.Apply(ctx, ops...) // nobody hears of it
		}
		close(m.died)
	}
	select {
	case <-ctx.Done():
	case <-m.gone:
	}
	return fmt.Errorf("%w: the dead do nothing", coordinator.ErrUnavailable)
}

// fixture is a coordinator with machines, and nimbuses that come and go.
type fixture struct {
	t *testing.T
	f coordinatortest.Fixture

	supervisors int
	c           *cluster.Cluster // the test's own eyes
	machines    *machines
	rules       Rules
	nimbus      *Nimbus // the present one
	store       *mortal // its store
	end         func()  // kills it
}

func newFixture(t *testing.T, supervisors, slots int) *fixture {
	f := &fixture{t: t, f: coordinatortest.Embedded(t), rules: DefaultRules(), supervisors: supervisors}
	f.c = cluster.New(f.f.Open(t), testLog(t))
	f.machines = newMachines(t, f.f.Open(t), supervisors, slots)
	return f
}

// start starts a nimbus, and waits until it leads and sees all supervisors. It
// dies at its n-th change from then on; 0: never.
func (f *fixture) start(n int, before bool) {
	f.t.Helper()
	f.startAlone()
	eventually(f.t, "nimbus sees the supervisors", func() bool {
		l := f.nimbus.current()
		if l == nil {
			return false
		}
		seen := 0
		err := l.submit(f.t.Context(), func(context.Context) error { seen = len(l.world.supervisors); return nil })
		return err == nil && seen == f.supervisors
	})
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	f.store.count, f.store.last, f.store.before = 0, n, before
}

// startAlone starts a nimbus, and waits until it leads.
func (f *fixture) startAlone() {
	f.t.Helper()
	inner := f.f.Open(f.t)
	store := &mortal{Store: inner, died: make(chan struct{}), gone: make(chan struct{})}
	f.store = store
	opts := DefaultOptions()
	opts.Log, opts.Rules = testLog(f.t), f.rules
	opts.Self = cluster.Nimbus{Incarnation: cluster.NewIncarnation(), URL: "http://127.0.0.1:1"}
	var err error
	if f.nimbus, err = New(cluster.New(f.store, opts.Log), opts); err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.nimbus.Run(ctx) }()
	f.end = sync.OnceFunc(func() {
		// The session goes first, as it does with a process: nothing is said in parting.
		if err := inner.Close(); err != nil {
			f.t.Error(err)
		}
		cancel()
		close(store.gone)
		if err := <-done; err != nil && !errors.Is(err, coordinator.ErrClosed) {
			f.t.Errorf("nimbus ended: %v", err)
		}
	})
	f.t.Cleanup(f.end)
	eventually(f.t, "nimbus leads", func() bool { return f.nimbus.current() != nil })
}

func (f *fixture) changes() int {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	return f.store.count
}

// bundle packs a topology with some workers and split tasks; text makes it differ.
func (f *fixture) bundle(workers, parallelism int, text string) []byte {
	f.t.Helper()
	dir := f.t.TempDir()
	yaml := fmt.Sprintf(`
name: t
config: {workers: %d, message_timeout: 5s}
spouts:
  lines: {command: [cat], output: [line]}
bolts:
  split: {command: [cat], parallelism: %d, inputs: [lines], output: [word]}
`, workers, parallelism)
	for name, text := range map[string]string{"topology.yaml": yaml, "text": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	p, err := blob.Pack(dir, blob.DefaultLimits())
	if err != nil {
		f.t.Fatal(err)
	}
	return p.Data
}

func deployRequest() api.DeployRequest {
	return api.DeployRequest{Name: "t", File: "topology.yaml", Timeout: 20 * time.Second, Drain: 10 * time.Second, Wait: true}
}

func (f *fixture) deploy(bundle []byte) error {
	_, err := f.nimbus.Deploy(f.t.Context(), deployRequest(), bytes.NewReader(bundle))
	return err
}

func (f *fixture) change(r api.ChangeRequest) error {
	if r.Timeout == 0 {
		r.Timeout, r.Drain = 20*time.Second, 10*time.Second
	}
	_, err := f.nimbus.Change(f.t.Context(), "t", r)
	return err
}

// record reads the topology's record; nil: there is none.
func (f *fixture) record() *cluster.Topology {
	s, err := f.c.Topology(f.t.Context(), "t")
	if errors.Is(err, cluster.ErrGone) {
		return nil
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return &s.Record
}

// settled waits until no change is under way and nothing is left over, and returns
// the record; nil: there is no topology.
func (f *fixture) settled() *cluster.Topology {
	f.t.Helper()
	var top *cluster.Topology
	eventually(f.t, "no change is under way", func() bool {
		top = f.record()
		return top == nil || top.Change == nil
	})
	eventually(f.t, "nothing is left over", func() bool { return f.leftovers(top) == "" })
	return top
}

// diesOrSettles waits until the nimbus is dead, or the change is done: how many
// writes a change takes depends a little on who is quicker.
func (f *fixture) diesOrSettles() {
	f.t.Helper()
	eventually(f.t, "nimbus dies, or the change is done", func() bool {
		select {
		case <-f.store.died:
			return true
		default:
		}
		top := f.record()
		return (top == nil || top.Change == nil) && f.leftovers(top) == ""
	})
}

// leftovers names something that is there and should not be.
func (f *fixture) leftovers(top *cluster.Topology) string {
	ctx := f.t.Context()
	must := func(err error) {
		if err != nil && !errors.Is(err, cluster.ErrGone) {
			f.t.Fatal(err)
		}
	}
	var wantRuns []cluster.RunID
	places := map[cluster.Place]bool{}
	if top != nil && top.Serving > 0 {
		id := cluster.RunID{Topology: "t", Number: top.Serving}
		wantRuns = []cluster.RunID{id}
		a, err := f.c.Assignment(ctx, id)
		must(err)
		for _, w := range a.Record.Workers {
			places[w.Place] = true
		}
	}
	runs, err := f.c.Runs(ctx, "t")
	must(err)
	if !slices.Equal(runs, wantRuns) {
		return fmt.Sprintf("runs %v, and not %v", runs, wantRuns)
	}
	ids, err := f.c.Placed(ctx)
	must(err)
	for _, id := range ids {
		list, err := f.c.Placements(ctx, id)
		must(err)
		for place, p := range list {
			if !places[place] || p.Run != wantRuns[0] {
				return fmt.Sprintf("a placement of %s in %s", p.Run, place)
			}
			delete(places, place)
		}
	}
	if len(places) > 0 {
		return fmt.Sprintf("no placements in %v", places)
	}
	hashes := map[blob.Hash]bool{}
	versions, err := f.c.Versions(ctx, "t")
	must(err)
	for _, n := range versions {
		v, err := f.c.Version(ctx, topology.Name("t"), n)
		must(err)
		hashes[v.Bundle.Hash] = true
	}
	bundles, err := f.c.Bundles(ctx)
	must(err)
	if len(bundles) != len(hashes) {
		return fmt.Sprintf("%d bundles for %d versions", len(bundles), len(versions))
	}
	return ""
}

// noOverlap fails the test if spouts of two runs were ever active together.
func (f *fixture) noOverlap() {
	f.t.Helper()
	f.machines.mu.Lock()
	defer f.machines.mu.Unlock()
	for _, o := range f.machines.overlaps {
		f.t.Error("active together: " + o)
	}
}
