package worker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// keep holds every row, and acks none.
func keep() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	if err := c.Ready(multilang.Ready{}); err != nil {
		return err
	}
	for {
		m, err := c.Read()
		if err != nil || m.Type == multilang.TypeStop {
			return err
		}
		if m.Type != multilang.TypeData {
			continue
		}
		reply := multilang.FromChild{Seq: m.Seq, N: m.N}
		for row := range m.N {
			reply.Held = binary.LittleEndian.AppendUint32(reply.Held, uint32(row))
		}
		if err := c.Reply(&reply); err != nil {
			return err
		}
	}
}

// slow takes half a second for each row.
func slow() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	if err := c.Ready(multilang.Ready{}); err != nil {
		return err
	}
	for {
		m, err := c.Read()
		if err != nil || m.Type == multilang.TypeStop {
			return err
		}
		if m.Type != multilang.TypeData {
			continue
		}
		for row := range m.N {
			time.Sleep(500 * time.Millisecond) // that is what it is for
			if err := c.Reply(&multilang.FromChild{Seq: m.Seq, First: uint32(row), N: 1}); err != nil {
				return err
			}
		}
	}
}

// Rows that wait in a queue restart the clocks of their trees in another worker,
// too: the last of the eight that such a slow bolt's worker gets at once waits for
// two timeouts there. One is enough for a machine that stands still for a second.
func TestQueuedElsewhereIsProgress(t *testing.T) {
	t.Parallel()
	const timeout, pending = 1800 * time.Millisecond, 10 // which take 5 s
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 20})
	text := fmt.Sprintf(`
name: t
config: {max_pending: %d, message_timeout: %s}
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  slow:
    component: slow
    inputs: [numbers]
`, pending, timeout)
	spout, bolt := m.add(10, text), m.add(20, text)
	m.plan()
	spout.start()
	bolt.start()
	eventually(t, "as many trees as may be are done", func() bool { return spout.Summary().Acked > pending })
	if s := spout.Summary(); s.Failed != 0 {
		t.Errorf("%+v: %+v", s, spout.Failures())
	}
}

// A timeout names who has the row, also if that is a task of another worker.
func TestTimeoutNamesWhoIsElsewhere(t *testing.T) {
	t.Parallel()
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 20})
	const text = `
name: t
config: {max_pending: 10, message_timeout: 300ms}
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  keep:
    component: keep
    inputs: [numbers]
`
	spout, bolt := m.add(10, text), m.add(20, text)
	m.plan()
	spout.start()
	bolt.start()
	eventually(t, "a timeout names the bolt", func() bool {
		for _, x := range failuresOf(spout.Worker) {
			if x.Component == "keep" && x.Type == "Timeout" && strings.Contains(x.Message, "keep[2] has held a row of it for") {
				return true
			}
		}
		return false
	})
	eventually(t, "the bolt forgets what it holds of trees that have timed out", func() bool {
		held, failed := 0, spout.Summary().Failed
		for _, s := range bolt.Snapshot().Tasks {
			held += s.Held
		}
		return failed > 80 && held <= 30
	})
}

// D39: what a bolt holds of tuples that timed out is forgotten, so that the
// replays do not pile up; each timeout names the one that holds.
func TestD39HeldRowsOfTimedOutTreesAreForgotten(t *testing.T) {
	t.Parallel()
	const pending = 10
	f := newFixture(t, `
name: t
config: {max_pending: 10, message_timeout: 200ms}
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  keep:
    component: keep
    inputs: [numbers]
`)
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	go func() { f.result <- f.Run(ctx) }()
	most := 0
	for deadline := time.Now().Add(time.Minute); f.Summary().Failed < 8*pending; {
		for _, s := range f.Snapshot().Tasks {
			most = max(most, s.Held)
		}
		if time.Now().After(deadline) {
			t.Errorf("only %d timeouts in a minute", f.Summary().Failed)
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	cancel(enough)
	if err := <-f.result; !errors.Is(err, enough) {
		t.Error(err)
	}
	if most > 3*pending { // a row that comes to be held while its tree times out stays
		t.Errorf("%d rows were held after %d timeouts, and max_pending is %d", most, 8*pending, pending)
	}
	for _, x := range failuresOf(f.Worker) {
		if x.Component == "keep" && x.Type == "Timeout" && strings.Contains(x.Message, "keep[2] has held a row of it for") {
			return
		}
	}
	t.Errorf("no timeout names the bolt: %+v", f.Failures())
}

// failuresOf returns the first and the last failure of each kind.
func failuresOf(w *Worker) (list []Failure) {
	for _, c := range w.Failures() {
		for _, k := range c.Kinds {
			list = append(list, k.First, k.Last)
		}
	}
	return list
}

// fans emits 200 rows for each of its own.
func fans() error {
	return multilangtest.RunBolt(func(_ *multilangtest.Child, row []any) (out [][]any, err error) {
		for range 200 {
			out = append(out, row)
		}
		return out, nil
	}, nil, nil)
}

// plods takes 10 ms for each row.
func plods() error {
	return multilangtest.RunBolt(func(*multilangtest.Child, []any) ([][]any, error) {
		time.Sleep(10 * time.Millisecond) // that is what it is for
		return nil, nil
	}, nil, nil)
}

// D44: rows of a bolt whose answers are not read, because there is no room for
// what they emit, wait as if they were in a queue.
func TestD44AnAnswerThatIsNotReadIsNoTimeout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {message_timeout: 600ms}
spouts:
  two:
    component: two
    output: [n, text]
bolts:
  fans:
    component: fans
    inputs: [two]
    output: [n, text]
  plods:
    component: plods
    inputs: [fans]
`)
	if s := f.run(); s != (Summary{Acked: 2}) {
		t.Errorf("%+v: %+v", s, failuresOf(f.Worker))
	}
}
