package worker

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/filter"
	"github.com/polybolt/polybolt/multilang"
)

const tapTopology = `
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
  sink:
    component: sink
    inputs: [numbers]
`

func openTap(t *testing.T, f *fixture, o TapOptions, where string) *Tap {
	t.Helper()
	if where != "" {
		c, err := filter.Parse(where)
		if err != nil {
			t.Fatal(err)
		}
		o.Where = c
	}
	tap, err := f.Tap(o)
	if err != nil {
		t.Fatal(err)
	}
	return tap
}

// A tap shows what it is asked for, counts all that passed, keeps no more than
// it may, and leaves no trace when it is closed.
func TestTap(t *testing.T) {
	t.Parallel()
	f := newFixture(t, tapTopology)
	some := openTap(t, f, TapOptions{From: "numbers", To: "sink", Sample: 1, Fields: []string{"n"}}, `n < 5 and not (text contains "w3")`)
	all := openTap(t, f, TapOptions{From: "numbers", Sample: 1}, "")
	tenth := openTap(t, f, TapOptions{From: "numbers", Stream: "default", Sample: 0.1}, "n < 0")
	if s := f.run(); s.Acked != 10_000 {
		t.Errorf("%+v", s)
	}
	tuples, counts, err := some.Take(100)
	if err != nil || counts.Passed != 10_000 || len(tuples) != 4 || counts.Matched != 4 {
		t.Errorf("%v, %+v, %v", tuples, counts, err)
	}
	for i, want := range []int64{0, 1, 2, 4} {
		if x := tuples[i]; len(x.Values) != 1 || x.Values[0] != want || x.Fields[0] != "n" || x.Component != "numbers" || x.Stream != "default" || x.Task != 1 || x.Time.IsZero() {
			t.Errorf("tuple %d: %+v", i, x)
		}
	}
	// Nobody took any in time: it kept what it may keep, and counted the others.
	if tuples, counts, err = all.Take(1 << 20); err != nil || len(tuples) > maxTapped || len(tuples) == 0 || counts.Passed != 10_000 || int64(len(tuples))+counts.Dropped != counts.Passed {
		t.Errorf("%d tuples, %+v, %v", len(tuples), counts, err)
	}
	if text := tuples[2].Values[1]; text != "w2 w2" {
		t.Errorf("the text is %v", text)
	}
	if tuples, counts, _ = tenth.Take(10); len(tuples) > 0 || counts.Looked+counts.Dropped < 700 || counts.Looked+counts.Dropped > 1300 { // ten standard deviations
		t.Errorf("%d tuples, %+v", len(tuples), counts)
	}
	for _, tap := range []*Tap{all, tenth, some} {
		tap.Close()
	}
	if f.byID["numbers"].taps.Load() != nil || f.taps.Load() != 0 {
		t.Error("a closed tap is left")
	}
}

func TestTapOfNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, tapTopology)
	for want, o := range map[string]TapOptions{
		`there is no component "x"`:                               {From: "x", Sample: 1},
		"the sample must be above 0":                              {From: "split"},
		`nothing goes from split on stream "" to sink`:            {From: "split", To: "sink", Sample: 1},
		`nothing goes from split on stream "x"`:                   {From: "split", Stream: "x", Sample: 1},
		`there is no field "line": there are word`:                {From: "split", Sample: 1, Fields: []string{"line"}},
		`nothing goes from numbers on stream "default" to nobody`: {From: "numbers", Stream: "default", To: "nobody", Sample: 1},
	} {
		if _, err := f.Tap(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, and not %s", o, err, want)
		}
	}
	c, err := filter.Parse("line == 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tap(TapOptions{From: "split", Sample: 1, Where: c}); err == nil || !strings.Contains(err.Error(), "line") {
		t.Error(err)
	}
	for range maxTaps {
		openTap(t, f, TapOptions{From: "split", Sample: 1}, "")
	}
	if _, err := f.Tap(TapOptions{From: "split", Sample: 1}); err == nil || !strings.Contains(err.Error(), "8 taps are open") {
		t.Error(err)
	}
}

// However many taps are open, they take no more time together than one.
func TestTapsShareTheirTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, tapTopology)
	var taps []*Tap
	for range maxTaps {
		taps = append(taps, openTap(t, f, TapOptions{From: "split", Sample: 1}, ""))
		var sum time.Duration
		for _, tap := range taps {
			tap.mu.Lock()
			tap.credit = 0
			tap.earn(time.Hour)
			sum += tap.credit
			tap.credit = 0
			tap.earn(time.Second / 2)
			if most := time.Second / 2 / tapShare / time.Duration(len(taps)); tap.credit > most {
				t.Errorf("one of %d taps has %v of half a second", len(taps), tap.credit)
			}
			tap.mu.Unlock()
		}
		if sum > tapBurst {
			t.Errorf("%d taps have saved up %v", len(taps), sum)
		}
	}
}

// What has no room in a tap is counted, whatever its size, and long texts are cut.
func TestTapOfLargeTuples(t *testing.T) {
	t.Parallel()
	f := newFixture(t, tapTopology)
	tap := openTap(t, f, TapOptions{From: "split", Sample: 1}, "")
	offer := func(text string) {
		var b multilang.Builder
		b.AddValue(multilang.AppendStr(nil, text))
		c := b.Column()
		if err := c.Check(1); err != nil {
			t.Fatal(err)
		}
		tap.offer(tap.streams[0], 7, &multilang.Group{N: 1, Cols: []multilang.Column{c}})
		tap.credit = tapBurst // whatever this machine took for it
	}
	offer(strings.Repeat("é", maxTapTuple))
	for range 40 {
		offer(strings.Repeat("é", maxTapTuple/4))
	}
	tuples, counts, err := tap.Take(100)
	if err != nil || len(tuples) < 20 || len(tuples) > 32 || counts != (TapCounts{Passed: 41, Looked: 41, Matched: 41, Dropped: 41 - int64(len(tuples))}) {
		t.Fatalf("%d tuples, %+v, %v", len(tuples), counts, err)
	}
	if text := tuples[0].Values[0].(string); len(text) > maxTapText+50 || !strings.HasSuffix(text, "é… (131072 bytes)") {
		t.Errorf("a text of %d bytes: …%s", len(text), text[len(text)-30:])
	}
	if _, err := json.Marshal(tuples); err != nil || tap.bytes != 0 {
		t.Error(err, tap.bytes)
	}
}
