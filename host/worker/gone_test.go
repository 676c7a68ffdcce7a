package worker

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// flees is a spout that emits a row, says that it is done, and does not wait for the end.
func flees() error { return flee(multilang.AnchorNone, false) }

// forsakes is flees, and the row is its own to replay.
func forsakes() error { return flee(multilang.AnchorEach, false) }

// sulks emits a row that is its own to replay, and dies when it is told that it failed.
func sulks() error { return flee(multilang.AnchorEach, true) }

func flee(how multilang.How, told bool) error {
	c, err := multilangtest.Start("spout")
	if err != nil {
		return err
	}
	asked := 0
	return c.Serve(multilang.Ready{Replays: how == multilang.AnchorEach}, func(m *multilang.ToChild) error {
		if m.Type == multilang.TypeOutcome {
			os.Exit(1)
		}
		if m.Type != multilang.TypeNext {
			return nil
		}
		out := multilang.FromChild{Seq: m.Seq, Final: true}
		if asked++; asked == 1 {
			row := multilangtest.Group(0, []any{1, "one"})
			row.How = how
			out.Groups = []multilang.Group{row}
		}
		if err := c.Rows(&out); err != nil || asked > 1 {
			return err
		}
		err := c.Finish()
		if !told {
			os.Exit(0)
		}
		return err
	})
}

// parts emits a row when it stops, and none before.
func parts() error {
	c, err := multilangtest.Start("spout")
	if err != nil {
		return err
	}
	finished := false
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		switch m.Type {
		case multilang.TypeNext:
			if err := c.Rows(&multilang.FromChild{Seq: m.Seq, Final: true}); err != nil || finished {
				return err
			}
			finished = true
			return c.Finish()
		case multilang.TypeStop:
			return c.Rows(&multilang.FromChild{Groups: []multilang.Group{multilangtest.Group(0, []any{1, "one"})}})
		}
		return nil
	})
}

// falters fails its first row, after a while.
func falters() error {
	failed := false
	return multilangtest.RunBolt(func(*multilangtest.Child, []any) ([][]any, error) {
		if failed {
			return nil, nil
		}
		failed = true
		time.Sleep(300 * time.Millisecond) // until a spout that flees is gone
		return nil, errors.New("not yet")
	}, nil, nil)
}

// What a spout emitted is replayed though its child is gone for good; what was
// the child's to replay has failed, and keeps nobody waiting.
func TestTuplesOutliveTheirSpout(t *testing.T) {
	t.Parallel()
	for component, want := range map[string]Summary{
		"flees":    {Acked: 1, Failed: 1},
		"parts":    {Acked: 1, Failed: 1},
		"forsakes": {Failed: 1, FailedBack: 1},
		"sulks":    {Failed: 1, FailedBack: 1},
	} {
		t.Run(component, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, `
name: t
spouts:
  numbers:
    component: `+component+`
    output: [n, text]
bolts:
  falters:
    component: falters
    inputs: [numbers]
`)
			if s := f.run(); s != want {
				t.Errorf("%+v, not %+v", s, want)
			}
		})
	}
}

// spoutLedger returns the ledger of a spout task that has not been started.
func spoutLedger(t *testing.T) *ledger {
	t.Helper()
	f := newFixture(t, numbersToSink)
	if err := f.Apply(f.Everything(Active)); err != nil {
		t.Fatal(err)
	}
	return f.localLedgers()[0]
}

// give has the ledger keep a row that a child emitted and replays by itself.
func (l *ledger) give(child int) acker.Update {
	group := multilangtest.Group(0, []any{1, "one"})
	roots, edges := l.keep(kept{n: 1, cols: group.Cols, wants: multilang.AnchorEach, back: true, child: child}, nil, nil)
	return acker.Update{Root: roots[0], Xor: edges[0]}
}

// Children of a spout number their rows from 0: no child is told what became of
// another one's, also if that is settled before the next one starts.
func TestAChildIsToldItsOwnOutcomes(t *testing.T) {
	t.Parallel()
	l := spoutLedger(t)
	l.serve(1)
	first, second, third := l.give(1), l.give(1), l.give(1)
	l.apply([]acker.Update{first}, acker.Here, time.Now())
	if o := l.takeOutcomes(); len(o.acked) != 1 {
		t.Errorf("told %+v", o)
	}
	l.forget()
	l.apply([]acker.Update{second}, acker.Here, time.Now())
	l.fail(third.Root, failure{})
	l.serve(2)
	if o := l.takeOutcomes(); !o.empty() || l.hasNews() || l.orphans != 2 {
		t.Errorf("the next child is told %+v, and %d outcomes are nobody's", o, l.orphans)
	}
}

// A spout's child says of its own tuples what is left of them.
func TestLeftIsOfOneChild(t *testing.T) {
	t.Parallel()
	l := spoutLedger(t)
	l.serve(1)
	early, late := l.give(1), l.give(1)
	l.fail(early.Root, failure{})
	l.forget()
	l.serve(2)
	l.fail(late.Root, failure{})
	l.fail(l.give(2).Root, failure{})
	l.left(0)
	var s Summary
	if l.addTo(&s); s.FailedBack != 2 {
		t.Errorf("%d tuples failed back to a child that is dead, not 2", s.FailedBack)
	}
}

// relents holds its rows, and fails them at a tick.
func relents() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	var held []multilang.RowError
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		switch m.Type {
		case multilang.TypeData:
			reply := multilang.FromChild{Seq: m.Seq, N: m.N}
			for row := range m.N {
				reply.Held = binary.LittleEndian.AppendUint32(reply.Held, uint32(row))
				held = append(held, multilang.RowError{Seq: m.Seq, Row: row, Err: multilang.Error{Kind: "fail"}})
			}
			return c.Reply(&reply)
		case multilang.TypeTick:
			late := held
			held = nil
			return c.Reply(&multilang.FromChild{Late: late})
		}
		return nil
	})
}

// waits emits a row that is its own to replay, and then no other.
func waits() error {
	c, err := multilangtest.Start("spout")
	if err != nil {
		return err
	}
	var open []uint32
	emitted := false
	return c.Serve(multilang.Ready{Replays: true}, func(m *multilang.ToChild) error {
		switch m.Type {
		case multilang.TypeNext:
			if open = append(open, m.Seq); emitted {
				return nil
			}
			emitted = true
			row := multilangtest.Group(0, []any{1, "one"})
			row.How = multilang.AnchorEach
			return c.Rows(&multilang.FromChild{Seq: m.Seq, Groups: []multilang.Group{row}})
		case multilang.TypeDeactivate:
			for _, seq := range open {
				if err := c.Rows(&multilang.FromChild{Seq: seq, Final: true}); err != nil {
					return err
				}
			}
			open = nil
		}
		return nil
	})
}

// A run that was told to end does so once the last failure has been told.
func TestADrainEndsWithTheLastFailure(t *testing.T) {
	t.Parallel()
	for range 10 {
		f := newFixture(t, `
name: t
spouts:
  waits:
    component: waits
    output: [n, text]
bolts:
  relents:
    component: relents
    inputs: [waits]
    tick: 200ms
`)
		go func() { f.result <- f.Run(t.Context()) }()
		eventually(t, "the tuple is in flight", func() bool { return f.Summary().Abandoned == 1 })
		f.Drain()
		select {
		case err := <-f.result:
			if s := f.Summary(); err != nil || s != (Summary{Failed: 1, FailedBack: 1}) {
				t.Fatalf("%v %+v", err, s)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("it does not end: %+v", f.Snapshot())
		}
	}
}
