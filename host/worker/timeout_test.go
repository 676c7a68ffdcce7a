package worker

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

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
	for deadline := time.Now().Add(time.Minute); f.Summary().Failed < 20*pending; {
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
		t.Errorf("%d rows were held after %d timeouts, and max_pending is %d", most, 20*pending, pending)
	}
	for _, x := range f.Failures() {
		if x.Component == "keep" && x.Type == "Timeout" && strings.Contains(x.Message, "keep[0] has held a row of it for") {
			return
		}
	}
	t.Errorf("no timeout names the bolt: %+v", f.Failures())
}
