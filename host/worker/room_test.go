package worker

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// large emits 16 rows of 16 KiB for each request, for ever.
func large() error {
	c, err := multilangtest.Start("spout")
	if err != nil {
		return err
	}
	row := []any{strings.Repeat("x", 16<<10)}
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeNext {
			return nil
		}
		rows := make([][]any, 16)
		for i := range rows {
			rows[i] = row
		}
		return c.Rows(&multilang.FromChild{Seq: m.Seq, Final: true, Groups: []multilang.Group{multilangtest.Group(0, rows...)}})
	})
}

// keepsFirst holds each sixteenth of its rows, and never acks it.
func keepsFirst() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	seen := 0
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeData {
			return nil
		}
		reply := multilang.FromChild{Seq: m.Seq, N: m.N}
		for row := range m.N {
			if seen++; seen%16 == 1 {
				reply.Held = binary.LittleEndian.AppendUint32(reply.Held, uint32(row))
			}
		}
		return c.Reply(&reply)
	})
}

// A spout that waits because too many bytes are kept goes on once the memory of
// rows that are done with is given back, though no further row gets done.
func TestRoomThatIsGivenBackIsUsed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {message_timeout: 12s}
spouts:
  large:
    component: large
    output: [text]
bolts:
  keeps:
    component: keepsFirst
    inputs: [large]
`)
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	go func() { f.result <- f.Run(ctx) }()
	eventually(t, "more has been emitted than is kept", func() bool { return f.Summary().Acked > 2*keptBytes/(16<<10) })
	if s := f.Summary(); s.Failed != 0 {
		t.Errorf("only because rows timed out: %+v", s)
	}
	cancel(enough)
	if err := <-f.result; !errors.Is(err, enough) {
		t.Error(err)
	}
}

// A spout that has come to its limit is asked for more once only held rows
// remain, also if the worker became idle just before the spout said that it waits.
func TestNobodyWaitsForAnIdleWorkerToBecomeIdle(t *testing.T) {
	t.Parallel()
	x := spoutLedger(t).t
	x.starve(true)
	select {
	case <-x.w.quiet:
	default:
		t.Error("nobody looks whether its limit may grow")
	}
}
