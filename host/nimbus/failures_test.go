package nimbus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

// errorsOf words the errors that are told of the fixture's topology, and those
// in its status.
func (f *fixture) errorsOf() (list []string, status string) {
	f.t.Helper()
	told, err := f.nimbus.Errors(f.t.Context(), "t")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range told {
		list = append(list, fmt.Sprintf("%s %s: run %d, version %d, %d, %.8s", e.Component, e.Was, e.Run, e.Version, e.Count, e.Errors[0].Message))
	}
	s, err := f.nimbus.Status(f.t.Context(), "t")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range s.Components {
		if c.LastError != nil {
			status += fmt.Sprintf("%s %d %s; ", c.Component, c.Errors, c.LastError.Text)
		}
	}
	if s.LastError != nil {
		status += fmt.Sprintf("last: run %d %s %.8s", s.LastError.Run, s.LastError.Was, s.LastError.Message)
	}
	return list, status
}

func (f *fixture) expectErrors(what, status string, want ...string) {
	f.t.Helper()
	var list []string
	var got string
	eventually(f.t, what, func() bool {
		list, got = f.errorsOf()
		return strings.Join(list, "\n") == strings.Join(want, "\n") && got == status
	})
}

// Errors are those of the run that serves, of all its workers together, and
// those of the run before and of the one that was given up last: whoever
// leads, and whenever it began to. A kill takes all of them.
func TestErrorsOfRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, 2)
	for version, when := range map[int]string{1: atStage, 2: flawed, 3: atStage, 4: flawed} {
		f.machines.fails(version, when)
	}
	f.start(0, false)
	deploy := func(ok bool) {
		t.Helper()
		workers := 2
		if !ok {
			workers = 1 // one worker that cannot start is enough: a second one might not come to have errors
		}
		if err := f.deploy(f.bundle(workers, 1, "x")); err != nil {
			t.Fatal(err)
		}
		if top := f.settled(); top.Last.OK != ok {
			t.Fatalf("%+v", top.Last)
		}
	}
	const first, second, third = "split given up: run 1, version 1, 5, of run 1", "run 2, version 2, 10, of run 2", "split given up: run 3, version 3, 5, of run 3"
	deploy(false)
	f.expectErrors("nothing has come up", "last: run 1 given up of run 1", first)
	deploy(true)
	f.expectErrors("one serves", "split 10 ValueError: of run 2; last: run 2 serving of run 2", "split serving: "+second, first)
	deploy(false)
	f.expectErrors("another is given up", "split 10 ValueError: of run 2; last: run 3 given up of run 3", "split serving: "+second, third)
	f.end()
	f.start(0, false)
	f.expectErrors("another nimbus leads", "split 10 ValueError: of run 2; last: run 3 given up of run 3", "split serving: "+second, third)
	if err := f.change(api.ChangeRequest{Verb: api.Rebalance, Parallelism: map[topology.ComponentID]int{"split": 3}}); err != nil {
		t.Fatal(err)
	}
	f.settled()
	fourth := "run 4, version 2, 10, of run 4"
	f.expectErrors("after a rebalance", "split 10 ValueError: of run 4; last: run 4 serving of run 4", "split serving: "+fourth, third, "split replaced: "+second)
	deploy(true)
	f.expectErrors("the run before", "split 10 ValueError: of run 5; last: run 5 serving of run 5", "split serving: run 5, version 4, 10, of run 5", third, "split replaced: "+fourth)
	deploy(true) // version 5 has no errors
	f.expectErrors("a version that is sound", "", third, "split replaced: run 5, version 4, 10, of run 5")
	deploy(true)
	f.expectErrors("two versions that are", "", third)
	if err := f.change(api.ChangeRequest{Verb: api.Kill}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is gone", func() bool { return f.record() == nil })
	if list, bad, err := f.c.PastFailures(t.Context(), "t"); len(list) > 0 || bad != nil || err != nil {
		t.Errorf("%v, %v, %v", list, bad, err)
	}
	f.machines.fails(1, never) // and it has errors while it comes up
	if err := f.deploy(f.bundle(1, 1, "again")); err != nil {
		t.Fatal(err)
	}
	f.expectErrors("one of the same name", "split 5 ValueError: of run 1; last: run 1 coming up of run 1", "split coming up: run 1, version 1, 5, of run 1")
}
