package worker

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/multilang"
)

// Every row is counted once at every stage, and every tree.
func TestTimesCountEveryRow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  pass:
    component: pass
    parallelism: 2
    inputs: [numbers]
    output: [n, text]
  sink:
    component: sink
    inputs: [pass]
`)
	f.run()
	s := f.Snapshot()
	sums := map[string]metrics.Histogram{}
	for _, x := range s.Tasks {
		for stage, h := range x.Times {
			if x.Spout != (stage == StageTree) {
				t.Errorf("%s[%d] has times of %s", x.Component, x.Index, stage)
			}
			if n := h.Count(); !x.Spout && n != x.Received {
				t.Errorf("%s of %s[%d]: %d rows, received %d", stage, x.Component, x.Index, n, x.Received)
			}
			sum := sums[stage]
			sum.Merge(&h)
			sums[stage] = sum
		}
		if x.Spout && (x.P50 <= 0 || x.P50 > x.P90 || x.P90 > x.P99) {
			t.Errorf("quantiles %v, %v, %v", x.P50, x.P90, x.P99)
		}
	}
	took := s.Time.Sub(s.Started)
	for stage, want := range map[string]int64{StageQueue: 20_000, StageEncode: 20_000, StagePipe: 20_000, StageUser: 20_000, StageTree: 10_000} {
		h := sums[stage]
		if n := h.Count(); n != want {
			t.Errorf("%s: %d, want %d", stage, n, want)
		}
		if h.Sum <= 0 || h.Mean() > took || h.Quantile(1) > 2*took {
			t.Errorf("%s takes %v, up to %v, of %v in all", stage, h.Mean(), h.Quantile(1), took)
		}
	}
}

// Attempts are blamed on where they failed, and why.
func TestFailuresAreBlamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {max_pending: 100}
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  pass:
    component: pass
    inputs: [numbers]
`)
	if err := f.follow(f.Everything(Active)); err != nil {
		t.Fatal(err)
	}
	spout := f.localLedgers()[0].t
	k := kept{n: 3, back: true, wants: multilang.AnchorEach, born: time.Now()}
	roots, _ := spout.ledger.keep(k, nil, nil)
	if x := spout.figures(); x.Pending != 3 {
		t.Errorf("%d pending", x.Pending)
	}
	spout.ledger.fail(roots[0], failure{cause: acker.Exception, component: "pass", task: 2})
	spout.ledger.fail(roots[0], failure{cause: acker.Exception, component: "pass", task: 2}) // it is over
	spout.ledger.fail(roots[1], failure{cause: acker.Exception, component: "pass", task: 2})
	spout.ledger.fail(roots[2], failure{cause: acker.Timeout})
	var s Snapshot
	spout.ledger.addFigures(&s)
	want := []Blamed{{Cause: acker.Timeout.String(), N: 1}, {Component: "pass", Task: 2, Cause: acker.Exception.String(), N: 2}}
	if len(s.Blamed) != 2 || s.Blamed[0] != want[0] || s.Blamed[1] != want[1] || s.ByCause[acker.Exception.String()] != 2 {
		t.Errorf("%+v, %v", s.Blamed, s.ByCause)
	}
}

// A living child's memory is told on demand, not otherwise.
func TestLookAtChildren(t *testing.T) {
	t.Parallel()
	f := newFixture(t, numbersToSink, func(o *Options) { o.Finite = false })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { f.result <- f.Run(ctx) }()
	deadline := time.Now().Add(time.Minute)
	for f.Summary().Acked < 10_000 {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", f.Snapshot())
		}
		time.Sleep(5 * time.Millisecond)
	}
	s := f.Snapshot()
	for _, x := range s.Tasks {
		if x.RSS != 0 {
			t.Errorf("%s has been looked at: %+v", x.Component, x)
		}
		if !x.Spout && x.Credit < minFull {
			t.Errorf("a credit of %d rows, and none waits", x.Credit)
		}
	}
	f.LookAtChildren(&s)
	for _, x := range s.Tasks {
		if runtime.GOOS == "linux" && (x.RSS < 1<<20 || x.RSS > 1<<30) {
			t.Errorf("%s uses %d bytes", x.Component, x.RSS)
		}
	}
	cancel()
	if err := <-f.result; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
