package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryRowArrives(t *testing.T) {
	t.Parallel()
	f := newFixture(t, numbersToSink)
	if s := f.run(); s != (Summary{Acked: 10_000}) {
		t.Errorf("%+v", s)
	}
	if got := f.out("sink"); len(got) != 10_000 || got[9999] != "9999" {
		t.Errorf("%d rows", len(got))
	}
}

func TestWordCount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  split:
    component: split
    parallelism: 2
    inputs: [numbers]
    output: [word]
  count:
    component: count
    parallelism: 3
    inputs:
      - {from: split, group: {fields: [word]}}
    output: [line]
  sink:
    component: sink
    inputs: [count]
`)
	if s := f.run(); s != (Summary{Acked: 10_000}) {
		t.Errorf("%+v", s)
	}
	n := map[int]int{} // of the word w<i%13>, i%10 times in row i
	for i := range 10_000 {
		n[i%13] += i % 10
	}
	var want []string
	for w, k := range n {
		want = append(want, fmt.Sprintf("w%d=%d", w, k))
	}
	got := f.out("sink")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What a child tells of its end is the reason of it, with nothing on stderr.
func TestLastWordsAreTheReason(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  few:
    component: few
    output: [n, text]
bolts:
  wrong:
    component: mistake
    inputs: [few]
`)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := f.Run(ctx)
	if err == nil || !strings.Contains(err.Error(), "component wrong cannot start: ") || !strings.Contains(err.Error(), ": Mistake: B has no process at b.py:3") {
		t.Errorf("%v", err)
	}
}
