package worker

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// With acking off nothing is remembered of rows that a bolt holds: no timeout
// would ever end it.
func TestNothingIsHeldWithAckingOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {acking: false}
spouts:
  large:
    component: large
    output: [text]
bolts:
  keep:
    component: keep
    inputs: [large]
`)
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	go func() { f.result <- f.Run(ctx) }()
	eventually(t, "the bolt has got rows", func() bool { s := f.Snapshot().Tasks; return len(s) == 2 && s[1].Received > 500 })
	if held := f.Snapshot().Tasks[1].Held; held > 0 {
		t.Errorf("%d rows are held", held)
	}
	cancel(enough)
	if err := <-f.result; !errors.Is(err, enough) {
		t.Error(err)
	}
}

// With acking off the rows that a child had when it died are lost, and it is told how many.
func TestRowsLostWithAckingOffAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {acking: false}
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  dies:
    component: dies
    inputs: [numbers]
`)
	f.run()
	told := 0
	for _, l := range f.seen.lines {
		if l.Component == "dies" && l.Level == LevelWarn && strings.HasSuffix(l.Text, "rows that it had not answered are lost: nobody tracks them") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times: %+v", told, f.seen.lines)
	}
}

// doubles emits each of its rows twice.
func doubles() error {
	return multilangtest.RunBolt(func(_ *multilangtest.Child, row []any) ([][]any, error) { return [][]any{row, row}, nil }, nil, nil)
}

// Rows that nobody tracks, and for which a cycle has no room, are not lost without a word.
func TestRowsThatACycleHasNoRoomForAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
config: {acking: false}
spouts:
  two:
    component: two
    output: [n, text]
bolts:
  doubles:
    component: doubles
    inputs: [two, doubles]
    output: [n, text]
`)
	x := f.failure(func(x Failure) bool { return x.Kind == "cycle-overflow" })
	if x.Component != "doubles" || !strings.Contains(x.Message, "rows that nobody tracks are lost") {
		t.Errorf("%+v", x)
	}
}
