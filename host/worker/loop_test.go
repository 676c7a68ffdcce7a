package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// leaves is a spout that emits a row, and exits with code 0 when it is asked again.
func leaves() error {
	c, err := multilangtest.Start("spout")
	if err != nil {
		return err
	}
	asked := 0
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeNext {
			return nil
		}
		if asked++; asked == 2 {
			os.Exit(0)
		}
		return c.Rows(&multilang.FromChild{Seq: m.Seq, Final: true, Groups: []multilang.Group{multilangtest.Group(0, []any{1, "one"})}})
	})
}

// failure runs a topology until a failure is told of that ok finds, and returns it.
func (f *fixture) failure(ok func(Failure) bool) (found Failure) {
	f.t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	go func() { f.result <- f.Run(ctx) }()
	eventually(f.t, "the failure", func() bool {
		f.seen.mu.Lock()
		defer f.seen.mu.Unlock()
		for _, x := range f.seen.failures {
			if ok(x) {
				found = x
				return true
			}
		}
		return false
	})
	cancel(enough)
	if err := <-f.result; !errors.Is(err, enough) {
		f.t.Error(err)
	}
	return found
}

// A spout that ends without saying that it is done is started again, which
// surprises who wrote it: the first message says what is missing.
func TestASpoutThatLeavesIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  numbers:
    component: leaves
    output: [n, text]
bolts:
  sink:
    component: sink
    inputs: [numbers]
`)
	x := f.failure(func(x Failure) bool { return x.Kind == "exit" })
	if !strings.Contains(x.Message, "exited with code 0 after ") || !strings.Contains(x.Message, "A spout that is done calls finish()") || x.Count != 1 {
		t.Errorf("%+v", x)
	}
}

// A task that has ended stays so, whoever comes late to end its child.
func TestNothingFollowsStopped(t *testing.T) {
	t.Parallel()
	x := spoutLedger(t).t
	x.setState(Stopped, "")
	if x.setState(Stopping, ""); x.state != Stopped {
		t.Errorf("the state is %s", x.state)
	}
}

// What a child prints before it speaks is cut into lines in time linear in its
// size; of a flood some are shown, and of the others the number.
func TestTextBeforeTheMagic(t *testing.T) {
	t.Parallel()
	x := spoutLedger(t).t
	const lines = 100_000
	began := time.Now()
	x.onText([]byte("begun, "))
	x.onText(append(bytes.Repeat([]byte("y\r\n"), lines), "not"...))
	x.onText([]byte(" ended"))
	x.flushText()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	seen := x.w.opts.Observer.(*recorder).lines
	if seen[0].Text != "begun, y" || seen[1].Text != "y" {
		t.Errorf("%d lines: %q, %q", len(seen), seen[0].Text, seen[1].Text)
	}
	shown, suppressed := 0, 0
	for _, l := range seen {
		if n := 0; strings.HasPrefix(l.Text, "[") {
			if _, err := fmt.Sscanf(l.Text, "[%d lines suppressed", &n); err != nil {
				t.Error(err)
			}
			suppressed += n
		} else {
			shown++
		}
	}
	if shown+suppressed != lines+1 || shown > lines/3 {
		t.Errorf("%d lines are shown, and %d suppressed", shown, suppressed)
	}
}

// The last line of a child that ends before it has spoken is shown, though it is not finished.
func TestTheLastTextBeforeTheMagic(t *testing.T) {
	t.Parallel()
	x := spoutLedger(t).t
	x.onText([]byte("no such module"))
	x.died(nil, false)
	if seen := x.w.opts.Observer.(*recorder).lines; len(seen) != 1 || seen[0].Text != "no such module" {
		t.Errorf("%+v", seen)
	}
}
