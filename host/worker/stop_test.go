package worker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// blocked emits a row in answer to its first request, and then its code does not
// return: not even deactivate is read.
func blocked() error {
	c, err := multilangtest.Start("spout")
	if err != nil {
		return err
	}
	if err := c.Ready(multilang.Ready{}); err != nil {
		return err
	}
	for {
		m, err := c.Read()
		if err != nil {
			return err
		}
		if m.Type != multilang.TypeNext {
			continue
		}
		row := multilangtest.Group(0, []any{1, "one"})
		if err := c.Rows(&multilang.FromChild{Seq: m.Seq, Groups: []multilang.Group{row}}); err != nil {
			return err
		}
		time.Sleep(time.Hour) // longer than any test
		return nil
	}
}

const blockedSpout = `
name: t
spouts:
  numbers:
    component: blocked
    output: [n, text]
bolts:
  sink:
    component: sink
    inputs: [numbers]
`

// A spout whose code does not return keeps no run from its end: what it has
// emitted is finished, and then it is ended.
func TestASpoutThatBlocksIsEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, blockedSpout, func(o *Options) { o.StopTimeout = 300 * time.Millisecond })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() { f.result <- f.Run(ctx) }()
	eventually(t, "the row is done", func() bool { return f.Summary().Acked == 1 })
	if f.Idle() {
		t.Error("idle, though the spout may emit")
	}
	f.Drain()
	if err := <-f.result; err != nil {
		t.Fatal(err)
	}
	if s := f.Summary(); s != (Summary{Acked: 1}) {
		t.Errorf("%+v", s)
	}
	if got := f.out("sink"); len(got) != 1 {
		t.Errorf("rows at the sink: %v", got)
	}
	f.seen.mu.Lock()
	defer f.seen.mu.Unlock()
	if len(f.seen.failures) != 1 || !strings.Contains(f.seen.failures[0].Message, "it did not stop within 300ms") {
		t.Errorf("%+v", f.seen.failures)
	}
}

// A worker that is told that its spouts pause is idle, once one whose code does
// not return has been silent for a while: a deploy over it goes on.
func TestASpoutThatBlocksDoesNotHoldUpADeploy(t *testing.T) {
	t.Parallel()
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 10})
	n := m.add(10, blockedSpout)
	n.opts.StopTimeout = 300 * time.Millisecond
	m.plan()
	n.start()
	eventually(t, "the row is done", func() bool { return n.Summary().Acked == 1 })
	if err := n.Apply(Plan{Mode: Inactive, Tasks: m.places}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker is idle", n.Idle)
}

const countAtTheEnd = `
name: t
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  split:
    component: split
    inputs: [numbers]
    output: [word]
  count:
    component: count
    parallelism: 2
    inputs:
      - {from: split, group: {fields: [word]}}
    output: [word]
  sink:
    component: sink
    parallelism: 2
    inputs: [count]
`

// Workers end together: what a component emits when it stops reaches its
// consumers in another worker, wherever each of them is.
func TestStopInOrderOverWorkers(t *testing.T) {
	t.Parallel()
	// Tasks: numbers 1, split 2, count 3 4, sink 5 6.
	for name, places := range map[string]map[topology.TaskID]uint64{
		"each after the other": {1: 10, 2: 10, 3: 20, 4: 20, 5: 30, 6: 30},
		"against the order":    {1: 30, 2: 20, 3: 20, 4: 10, 5: 10, 6: 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMesh(t, places)
			for _, id := range []uint64{10, 20, 30} {
				m.add(id, countAtTheEnd)
			}
			m.plan()
			for _, n := range m.workers {
				n.start()
			}
			eventually(t, "all trees are done", func() bool { return m.workers[places[1]].Summary().Acked == 10_000 })
			for _, n := range m.workers {
				n.Drain()
			}
			eventually(t, "all counts have arrived", func() bool { return len(m.rows()) == 13 })
			for _, n := range m.workers {
				<-n.ended
			}
		})
	}
}

// What waits for a full batch waits no longer once there will be no more rows.
func TestTheEndFillsNoBatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  few:
    component: few
    output: [n, text]
bolts:
  sink:
    component: sink
    inputs: [few]
    batch: {max: 1000, wait: 25s}
`)
	began := time.Now()
	if s := f.run(); s != (Summary{Acked: 200}) {
		t.Errorf("%+v", s)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s to the end", took)
	}
}

// bye emits when it stops.
func bye() error { return byeAfter(0) }

// lingers does so after a while, when others have stopped.
func lingers() error { return byeAfter(500 * time.Millisecond) }

func byeAfter(d time.Duration) error {
	return multilangtest.RunBolt(func(*multilangtest.Child, []any) ([][]any, error) { return nil, nil }, nil, func() [][]any {
		time.Sleep(d)
		return [][]any{{1, "bye"}}
	})
}

// What components of a cycle emit when they stop keeps no worker from its end,
// though some comes to another worker when its own have stopped.
func TestStopOfACycleOverWorkers(t *testing.T) {
	t.Parallel()
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 10, 3: 20, 4: 20, 5: 10})
	for _, id := range []uint64{10, 20} {
		m.add(id, `
name: t
spouts:
  few:
    component: few
    output: [n, text]
bolts:
  one:
    component: bye
    inputs: [few, other]
    output: [n, text]
  other:
    component: lingers
    parallelism: 2
    inputs: [{from: one, group: all}]
    output: [n, text]
  sink:
    component: sink
    inputs: [one, other]
`)
	}
	m.plan()
	for _, n := range m.workers {
		n.start()
	}
	eventually(t, "all trees are done", func() bool { return m.workers[10].Summary().Acked == 200 })
	for _, n := range m.workers {
		n.Drain()
	}
	for id, n := range m.workers {
		select {
		case <-n.ended:
		case <-time.After(20 * time.Second):
			t.Errorf("worker %d does not end: %d rows are on their way", id, n.load.Load())
		}
	}
}

// wedged does not come back from its first row.
func wedged() error {
	return multilangtest.RunBolt(func(*multilangtest.Child, []any) ([][]any, error) {
		time.Sleep(time.Hour) // longer than any test
		return nil, nil
	}, nil, nil)
}

// A run that is ended at once kills its children: none of them has died of the
// row that it had, which has retries left, and is not given up.
func TestAnEndAtOnceUsesUpNoRetry(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {max_pending: 1}
spouts:
  numbers:
    component: numbers
    output: [n, text]
    retries: 0
bolts:
  wedged:
    component: wedged
    inputs: [numbers]
`)
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	go func() { f.result <- f.Run(ctx) }()
	eventually(t, "the bolt has a row", func() bool { s := f.Snapshot().Tasks; return len(s) == 2 && s[1].InChild == 1 })
	cancel(enough)
	if err := <-f.result; !errors.Is(err, enough) {
		t.Error(err)
	}
	if s := f.Summary(); s.Dead != 0 || s.Abandoned != 1 || f.dead.Len() > 0 {
		t.Errorf("%+v\n%s", s, f.dead)
	}
}
