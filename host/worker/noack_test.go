package worker

import (
	"context"
	"errors"
	"strings"
	"testing"
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
