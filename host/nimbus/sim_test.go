package nimbus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// machines stands for supervisors and workers: it does what nimbus sees of
// them, through a session of its own, and notes when spouts of two runs of a
// topology are active together. host/hosttest has the real ones.
type machines struct {
	t    testing.TB
	open func() *cluster.Cluster // the session of one more daemon
	web  cluster.Alive           // where workers tell of themselves; set before there are any

	mu       sync.Mutex
	trouble  map[int]string                          // guarded by mu: versions that do not come up, and when
	active   map[topology.Name]map[cluster.Place]int // guarded by mu: runs of active spouts
	overlaps []string                                // guarded by mu
	wg       sync.WaitGroup
}

// When a version fails.
const (
	atStage  = "stage"
	atSwitch = "switch"
	never    = "never"  // and it does not fail either: it just does not get ready
	flawed   = "flawed" // it comes up, and has errors
)

// newMachines starts supervisors with some slots each. They end with the test.
func newMachines(t testing.TB, store coordinator.Store, supervisors, slots int) *machines {
	c := cluster.New(store, testLog(t))
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, ctx := newDaemons(t, func() *cluster.Cluster { return c })
	for i := range supervisors {
		m.supervise(ctx, supervisorID(i), slots)
	}
	return m
}

// newDaemons returns machines without any supervisor, and the context that they live in.
func newDaemons(t testing.TB, open func() *cluster.Cluster) (*machines, context.Context) {
	m := &machines{t: t, open: open, trouble: map[int]string{}, active: map[topology.Name]map[cluster.Place]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		m.wg.Wait()
	})
	return m, ctx
}

// supervise runs a supervisor until ctx ends.
func (m *machines) supervise(ctx context.Context, id cluster.SupervisorID, slots int) {
	s := &cluster.Supervisor{ID: id, Host: "host-" + string(id[8:]), Address: "127.0.0.1"}
	for i := range slots {
		s.Slots = append(s.Slots, cluster.Ports{10000 + 2*i, 10001 + 2*i})
	}
	c := m.open()
	m.wg.Go(func() { m.check(c.KeepSupervisor(ctx, s)) })
	m.wg.Go(func() {
		changes := c.WatchPlacements(ctx, id)
		have := map[cluster.Place]cluster.RunID{}
		stops := map[cluster.Place]func(){}
		for {
			select {
			case <-ctx.Done():
				return
			case <-changes:
			}
			list, err := c.Placements(ctx, id)
			if err != nil {
				m.check(err)
				return
			}
			for place, run := range have {
				if list[place].Run != run {
					stops[place]()
					delete(have, place)
				}
			}
			for place, p := range list {
				if _, there := have[place]; !there {
					have[place], stops[place] = p.Run, m.work(ctx, p.Run, place)
				}
			}
		}
	})
}

func (m *machines) check(err error) {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, coordinator.ErrClosed) && !errors.Is(err, cluster.ErrGone) {
		m.t.Error(err)
	}
}

// work runs a worker until ctx ends or the returned function has been called.
func (m *machines) work(ctx context.Context, id cluster.RunID, place cluster.Place) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	c := m.open()
	incarnation := cluster.NewIncarnation()
	done := make(chan struct{})
	m.wg.Go(func() {
		m.check(c.KeepAlive(ctx, id, place, &cluster.Alive{Incarnation: incarnation, PID: 1, Figures: m.web.Figures, Token: m.web.Token, Pin: m.web.Pin}))
	})
	m.wg.Go(func() {
		defer close(done)
		defer m.setActive(id, place, false)
		runs, assignments := c.WatchRun(ctx, id), c.WatchAssignment(ctx, id)
		for {
			select {
			case <-ctx.Done():
				return
			case <-runs:
			case <-assignments:
			}
			run, err := c.Run(ctx, id)
			a, aerr := c.Assignment(ctx, id)
			if err = errors.Join(err, aerr); err == nil {
				m.check(m.err(ctx, c, &run.Record, place))
				r := m.report(&run.Record, &a.Record, place, incarnation)
				r.Order = run.Version
				err = c.SetReport(ctx, id, place, r)
			}
			m.check(err)
		}
	})
	return func() {
		cancel()
		<-done
	}
}

// err writes an error of a version that is in trouble, as its worker does.
func (m *machines) err(ctx context.Context, c *cluster.Cluster, run *cluster.Run, place cluster.Place) error {
	m.mu.Lock()
	when := m.trouble[run.Version]
	m.mu.Unlock()
	if when == "" {
		return nil
	}
	return c.SetFailures(ctx, run.ID, place, &cluster.Failures{Component: "split", Count: 5, List: []cluster.Failure{{
		Kind: "exception", Type: "ValueError", Count: 5, Version: run.Version,
		Occurrence: cluster.Occurrence{Time: time.Unix(1_900_000_000+int64(run.ID.Number), 0).UTC(), Task: 2, Message: fmt.Sprintf("of run %d\nand more", run.ID.Number), Worker: place.String()},
	}}})
}

// report is what the worker tells.
func (m *machines) report(run *cluster.Run, a *cluster.Assignment, place cluster.Place, i cluster.Incarnation) *cluster.Report {
	m.mu.Lock()
	when := m.trouble[run.Version]
	m.mu.Unlock()
	r := &cluster.Report{Incarnation: i, Epoch: a.Epoch, Mode: run.Mode, Idle: run.Mode == cluster.Inactive}
	c := cluster.ComponentReport{Component: "lines", Tasks: 1, Ready: 1, Started: 1}
	if when == atStage || when == atSwitch && run.Mode == cluster.Active {
		r.Mode, c.Ready, c.Deaths, c.Why = "", 0, hopeless, "ModuleNotFoundError: nowhere"
	}
	if when == never {
		r.Mode, c.Ready = "", 0
	}
	r.Components = []cluster.ComponentReport{c}
	m.setActive(run.ID, place, run.Mode == cluster.Active)
	return r
}

// setActive notes whether a worker's spouts are active.
func (m *machines) setActive(id cluster.RunID, place cluster.Place, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	runs := m.active[id.Topology]
	if runs == nil {
		runs = map[cluster.Place]int{}
		m.active[id.Topology] = runs
	}
	if !on {
		if runs[place] == id.Number {
			delete(runs, place)
		}
		return
	}
	runs[place] = id.Number
	for other, number := range runs {
		if number != id.Number {
			m.overlaps = append(m.overlaps, fmt.Sprintf("spouts of run %d in %s and of run %d in %s", id.Number, place, number, other))
		}
	}
}

// running lists the runs whose spouts are active.
func (m *machines) running(name topology.Name) []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Compact(slices.Sorted(maps.Values(m.active[name])))
}

func (m *machines) fails(version int, when string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trouble[version] = when
}

// eventually polls until done.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}
