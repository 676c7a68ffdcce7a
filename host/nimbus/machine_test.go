package nimbus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// scenario is a change of a topology, from its request to its end.
type scenario struct {
	name    string
	prepare func(*fixture) // with a nimbus that lives
	act     func(*fixture) error
	saved   func(*cluster.Topology) bool // the request needs not be made again; nil: there is no topology
	check   func(*fixture, *cluster.Topology)
}

func first(f *fixture) {
	if err := f.deploy(f.bundle(2, 2, "one")); err != nil {
		f.t.Fatal(err)
	}
	f.settled()
}

func second(f *fixture) {
	first(f)
	if err := f.deploy(f.bundle(2, 2, "two")); err != nil {
		f.t.Fatal(err)
	}
	f.settled()
}

func reached(run int) func(*cluster.Topology) bool {
	return func(t *cluster.Topology) bool { return t != nil && t.Run >= run }
}

// serves checks which run serves in the end, and how the change ended.
func serves(run, version int, ok bool) func(*fixture, *cluster.Topology) {
	return func(f *fixture, t *cluster.Topology) {
		if t == nil || t.Serving != run || t.Last == nil || t.Last.OK != ok {
			f.t.Fatalf("the record is %+v, its outcome %+v", t, t.Last)
		}
		r, err := f.c.Run(f.t.Context(), cluster.RunID{Topology: "t", Number: run})
		if err != nil {
			f.t.Fatal(err)
		}
		if r.Record.Version != version || r.Record.Mode != cluster.Active {
			f.t.Errorf("run %d has version %d in mode %s", run, r.Record.Version, r.Record.Mode)
		}
		eventually(f.t, "its spouts, and no others, are active", func() bool { return slices.Equal(f.machines.running("t"), []int{run}) })
	}
}

// gone checks that nothing is left of the topology.
func gone(f *fixture, t *cluster.Topology) {
	if t != nil {
		f.t.Fatalf("the record is %+v", t)
	}
	eventually(f.t, "no spout is active", func() bool { return len(f.machines.running("t")) == 0 })
}

var scenarios = []scenario{
	{
		name: "first deploy", prepare: func(*fixture) {},
		act:   func(f *fixture) error { return f.deploy(f.bundle(2, 2, "one")) },
		saved: reached(1), check: serves(1, 1, true),
	},
	{
		name: "deploy over a running version", prepare: first,
		act:   func(f *fixture) error { return f.deploy(f.bundle(2, 2, "two")) },
		saved: reached(2), check: serves(2, 2, true),
	},
	{
		name: "deploy that does not start", prepare: func(f *fixture) { first(f); f.machines.fails(2, atStage) },
		act:   func(f *fixture) error { return f.deploy(f.bundle(2, 2, "two")) },
		saved: reached(2), check: serves(1, 1, false),
	},
	{
		name: "deploy whose spouts do not start", prepare: func(f *fixture) { first(f); f.machines.fails(2, atSwitch) },
		act:   func(f *fixture) error { return f.deploy(f.bundle(2, 2, "two")) },
		saved: reached(2), check: serves(1, 1, false),
	},
	{
		name: "deploy with every slot in use",
		prepare: func(f *fixture) {
			if err := f.deploy(f.bundle(4, 4, "one")); err != nil {
				f.t.Fatal(err)
			}
			f.settled()
		},
		act:   func(f *fixture) error { return f.deploy(f.bundle(4, 4, "two")) },
		saved: reached(2), check: serves(2, 2, true),
	},
	{
		name: "kill of what cannot start",
		prepare: func(f *fixture) {
			f.machines.fails(1, never)
			if err := f.deploy(f.bundle(2, 2, "one")); err != nil {
				f.t.Fatal(err)
			}
		},
		act: func(f *fixture) error {
			now := time.Duration(0)
			return f.change(api.ChangeRequest{Verb: api.Kill, Wait: &now})
		},
		saved: func(t *cluster.Topology) bool { return t == nil || t.Change.Kind == cluster.Kill },
		check: gone,
	},
	{
		name: "rebalance", prepare: first,
		act: func(f *fixture) error {
			return f.change(api.ChangeRequest{Verb: api.Rebalance, Parallelism: map[topology.ComponentID]int{"split": 5}})
		},
		saved: reached(2), check: serves(2, 1, true),
	},
	{
		name: "rollback", prepare: second,
		act:   func(f *fixture) error { return f.change(api.ChangeRequest{Verb: api.Rollback}) },
		saved: reached(3), check: serves(3, 1, true),
	},
	{
		name: "kill", prepare: first,
		act:   func(f *fixture) error { return f.change(api.ChangeRequest{Verb: api.Kill}) },
		saved: func(t *cluster.Topology) bool { return t == nil || t.Change != nil },
		check: gone,
	},
}

// Nimbus dies after, and instead of, every single write of a change; the next
// one finishes or undoes it, and leaves nothing behind.
func TestNimbusDiesAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(strings.ReplaceAll(s.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			n := s.undisturbed(t)
			if n < 2 {
				t.Fatalf("the change takes %d writes: nothing would be tested", n)
			}
			t.Logf("%d writes", n)
			for at := 1; at <= n; at++ {
				for _, before := range []bool{false, true} {
					t.Run(fmt.Sprintf("%d-%v", at, before), func(t *testing.T) { s.disturbed(t, at, before) })
				}
			}
		})
	}
}

// undisturbed runs the scenario, and returns how many writes it takes.
func (s *scenario) undisturbed(t *testing.T) int {
	f := newFixture(t, 2, 2)
	f.start(0, false)
	s.prepare(f)
	before := f.changes()
	if err := s.act(f); err != nil {
		t.Fatal(err)
	}
	s.check(f, f.settled())
	f.noOverlap()
	return f.changes() - before
}

func (s *scenario) disturbed(t *testing.T, at int, before bool) {
	f := newFixture(t, 2, 2)
	f.start(0, false)
	s.prepare(f)
	f.end()
	f.start(at, before)
	acted := make(chan error, 1)
	go func() { acted <- s.act(f) }()
	var err error
	select {
	case <-f.store.died:
		f.end()
		err = <-acted
	case err = <-acted:
		if err == nil {
			f.diesOrSettles()
		}
		f.end()
	}
	var e *api.Error
	if err != nil && (!errors.As(err, &e) || e.Code != api.CodeUnavailable && e.Code != api.CodeNoLeader) {
		t.Fatalf("the request ended with %v", err)
	}
	saved := s.saved(f.record())
	if err == nil && !saved {
		t.Error("the request was taken, and nothing is saved")
	}
	f.start(0, false)
	if !saved {
		if err := s.act(f); err != nil {
			t.Fatal(err)
		}
	}
	s.check(f, f.settled())
	f.noOverlap()
}
