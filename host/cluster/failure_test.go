package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/topology"
)

// Texts of a failure are cut so that the first and the last error together
// keep to the limit, each with the end of its traceback.
func TestFailuresAreCut(t *testing.T) {
	t.Parallel()
	long := Occurrence{
		Host: strings.Repeat("h", 999), Worker: strings.Repeat("w", 999), From: strings.Repeat("f", 999), Tuple: strings.Repeat("t", 9999),
		Message: strings.Repeat("ü", 5000), Traceback: strings.Repeat("ö", 10_000) + "last line",
	}
	for _, first := range []*Occurrence{nil, &long, {Message: "short"}} {
		f := Failure{Kind: "exception", Type: strings.Repeat("T", 1000), Place: strings.Repeat("p", 1000), Occurrence: long, First: first}
		f.Cut()
		if err := (&Failures{Component: "c", List: []Failure{f}}).Validate(); err != nil {
			t.Error(err)
		}
		for _, o := range []*Occurrence{&f.Occurrence, f.Oldest()} {
			if o.Message != "short" && (!strings.HasSuffix(o.Traceback, "last line") || !strings.HasPrefix(o.Traceback, "…") || len(o.Traceback) < 1000) {
				t.Errorf("the traceback is %.20q…, of %d bytes", o.Traceback, len(o.Traceback))
			}
		}
	}
	if len(long.Message) != 10_000 {
		t.Error("what was given is changed")
	}
}

func failure(typ string, first, last, count int) Failure {
	at := func(n int) Occurrence { return Occurrence{Time: time.Unix(int64(n), 0), Message: fmt.Sprint(n)} }
	f := Failure{Kind: "exception", Type: typ, Count: int64(count), Version: last, Occurrence: at(last)}
	if first != last {
		o := at(first)
		f.First = &o
	}
	return f
}

// What two workers tell adds up: of each kind the first error and the last, and
// the kind that was first before all.
func TestFailuresAddUp(t *testing.T) {
	t.Parallel()
	a := Failures{Component: "c", Count: 9, List: []Failure{failure("A", 5, 20, 4), failure("B", 7, 7, 1)}}
	b := Failures{Component: "c", Count: 5, List: []Failure{failure("C", 3, 3, 1), failure("B", 6, 8, 2), failure("A", 30, 30, 1)}}
	want := Failures{Component: "c", Count: 14, List: []Failure{failure("C", 3, 3, 1), failure("B", 6, 8, 3), failure("A", 5, 30, 5)}}
	for _, order := range [][2]Failures{{a, b}, {b, a}} {
		got := order[0]
		got.Merge(&order[1])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	if a.List[0].Count != 4 || b.List[1].Count != 2 {
		t.Error("what was given is changed")
	}
	got := Failures{Component: "c"}
	for n := range 30 {
		got.Merge(&Failures{Count: 1, List: []Failure{failure(fmt.Sprint("K", n), n, n, 1)}})
	}
	var types []string
	for _, f := range got.List {
		types = append(types, f.Type)
	}
	if want := "K0 K21 K22 K23 K24 K25 K26 K27 K28 K29"; got.Count != 30 || strings.Join(types, " ") != want {
		t.Errorf("%d: %v", got.Count, types)
	}
}

// The errors of runs that are over are kept once for each way to end, in a
// record that fits a node, and go with the topology.
func TestFailuresOfPastRuns(t *testing.T) {
	t.Parallel()
	c, _ := open(t)
	term := elect(t, c)
	createRun(t, term)
	read := func(want ...int) {
		t.Helper()
		list, bad, err := c.PastFailures(t.Context(), run7.Topology)
		var runs []int
		for _, p := range list {
			runs = append(runs, p.Run)
		}
		if err != nil || bad != nil || !slices.Equal(runs, want) {
			t.Errorf("%v, and not %v; %v, %v", runs, want, bad, err)
		}
	}
	read()
	for _, p := range []PastFailures{{Run: 1, Version: 1}, {Run: 2, Version: 2, GivenUp: true}, {Run: 3, Version: 3}} {
		if err := term.KeepFailures(t.Context(), run7.Topology, &p); err != nil {
			t.Fatal(err)
		}
	}
	read(2, 3)
	large := PastFailures{Run: 4, Version: 4}
	for n := range 200 {
		f := Failures{Component: topology.ComponentID(fmt.Sprint("c", n)), Count: 100}
		for k := range MaxFailures {
			x := failure(fmt.Sprint("K", k), k, k, 1)
			x.Traceback = strings.Repeat(fmt.Sprintf("%x", n*k), MaxFailure)[:MaxFailure-200]
			f.List = append(f.List, x)
		}
		large.Components = append(large.Components, f)
	}
	large.Fit()
	if err := term.KeepFailures(t.Context(), run7.Topology, &large); err != nil {
		t.Fatal(err)
	}
	some := 0
	for _, f := range large.Components {
		if some += len(f.List); f.Count != 100 {
			t.Errorf("%s: %d", f.Component, f.Count)
		}
	}
	if len(large.Components) != 200 || some < 10 {
		t.Errorf("%d failures of %d components are left", some, len(large.Components))
	}
	read(2, 4)
	if err := term.RemoveTopology(t.Context(), run7.Topology); err != nil {
		t.Fatal(err)
	}
	read()
	if err := term.KeepFailures(t.Context(), run7.Topology, &large); !errors.Is(err, ErrGone) {
		t.Errorf("after the topology: %v", err)
	}
}

// What does not fit goes: the kinds between the first and the last, evenly.
func TestFailuresThatFit(t *testing.T) {
	t.Parallel()
	p := PastFailures{Run: 1, Version: 1}
	for n := range 3 {
		f := Failures{Component: topology.ComponentID(fmt.Sprint("c", n)), Count: 10}
		for k := range MaxFailures {
			x := failure(fmt.Sprint("K", k), k, k, 1)
			x.Traceback = strings.Repeat("x", MaxFailure-200)
			f.List = append(f.List, x)
		}
		p.Components = append(p.Components, f)
	}
	p.Fit()
	for _, f := range p.Components {
		if n := len(f.List); n < 6 || n > 9 || f.List[0].Type != "K0" || f.List[n-1].Type != "K9" {
			t.Errorf("%d are left", n)
		}
	}
}
