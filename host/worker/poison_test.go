package worker

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// defers passes each row on by name, ahead of the reply that covers it, as code
// does that awaits something in between.
func defers() error { return passByName(false) }

// defersHeld holds its rows, passes them on by name, and acks them then.
func defersHeld() error { return passByName(true) }

func passByName(held bool) error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeData {
			return nil
		}
		covers, emits := multilang.FromChild{Seq: m.Seq, N: m.N}, multilang.FromChild{}
		group := multilangtest.Group(0, multilangtest.RowsOf(m)...)
		group.How = multilang.AnchorRefs
		for row := range m.N {
			pair := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, m.Seq), uint32(row))
			group.Anchors = append(group.Anchors, pair...)
			if held {
				covers.Held = binary.LittleEndian.AppendUint32(covers.Held, uint32(row))
				emits.Acked = append(emits.Acked, pair...)
			}
		}
		emits.Groups = []multilang.Group{group}
		replies := []*multilang.FromChild{&emits, &covers}
		if held {
			replies = []*multilang.FromChild{&covers, &emits}
		}
		for _, reply := range replies {
			if err := c.Reply(reply); err != nil {
				return err
			}
		}
		return nil
	})
}

// dies is killed by one of its rows.
func dies() error {
	return multilangtest.RunBolt(func(_ *multilangtest.Child, row []any) ([][]any, error) {
		if row[0] == int64(100) {
			os.Exit(1)
		}
		return nil, nil
	}, nil, nil)
}

// D41: a poison tuple is found by being alone, also behind a bolt that emits by
// name: it kills once in company, and then as often as it is tried again.
func TestD41APoisonTupleBehindEmitsByName(t *testing.T) {
	t.Parallel()
	for _, component := range []string{"pass", "defers", "defersHeld"} {
		t.Run(component, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, `
name: t
spouts:
  numbers:
    component: numbers
    output: [n, text]
    retries: 2
bolts:
  passes:
    component: `+component+`
    inputs: [numbers]
    output: [n, text]
  dies:
    component: dies
    inputs: [passes]
`)
			if s := f.run(); s.Acked != 9999 || s.Dead != 1 {
				t.Errorf("%+v", s)
			}
			if dies := f.Snapshot().Tasks[2]; dies.Restarts > 4 { // once in company, and three times alone
				t.Errorf("it has died %d times", dies.Restarts)
			}
		})
	}
}
