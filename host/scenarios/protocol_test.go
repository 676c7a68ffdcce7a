package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Scenarios of the stream between a child and its host.

// chain is source → work → sink, with ids; the verbs are their number, work's
// arguments and more keys of work.
const chain = `
spouts:
  source:
    command: [{source}, source]
    config: {n: %d}
    output: [id]
bolts:
  work:
    command: [%s]
    inputs: [source]
    output: [id]
    %s
  sink:
    command: [{sink}, sink]
    inputs: [work]
`

// texts is chain with a text beside each id; the verbs are the configuration of
// the source and work's mode.
const texts = `
spouts:
  source:
    command: [{texts}, source, texts]
    config: {%s}
    output: [id, text]
bolts:
  work:
    command: [{protocol}, work, %s]
    inputs: [source]
    output: [id, text]
  sink:
    command: [{sink}, sink]
    inputs: [work]
`

func TestD01_WhateverIsPrintedIsALogLine(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(chain, 10_000, "{protocol}, work, chatter", "tick: 20ms"))
		p := x.run()
		x.arrived(10_000)
		x.lived("source", "work", "sink")
		for _, where := range []string{"import", "initialize", "process", "thread", "tick"} {
			for _, how := range []string{"print", "write", "descriptor", "C", "shell"} {
				p.says(fmt.Sprintf("work | %s from %s\n", how, where))
			}
		}
	})
}

func TestD03_AMegabyteOnStderrStallsNothing(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, `
spouts:
  source:
    command: [{texts}, source, noisy]
    config: {n: 10000}
    output: [id]
bolts:
  work:
    command: [{protocol}, work, noisy]
    inputs: [source]
    output: [id]
  sink:
    command: [{sink}, sink]
    inputs: [work]
`)
		p := x.run()
		x.arrived(10_000)
		x.lived("source", "work", "sink")
		for letter, want := range map[string]int{"s": 2 * 1024, "y": 3 * 1024} {
			if n := strings.Count(p.err(), strings.Repeat(letter, 1023)+"\n"); n != want {
				t.Errorf("%d KiB of %d are shown", n, want)
			}
		}
	})
}

func TestD04_BothPipesFull(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(texts, "n: 100000, text: "+strings.Repeat("t", 400), "flooding"))
		p := x.run()
		ids, total := x.ids("arrived")
		if len(ids) != 100_001 || total != 200_000 {
			t.Errorf("%d rows of %d ids have arrived, want 200000 of 100001", total, len(ids))
		}
		x.lived("source", "work", "sink")
		if peak := p.peak() >> 20; peak > 150 {
			t.Errorf("a process took %d MiB", peak)
		}
	})
}

func TestD07_AMessageBeyondTheLimit(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		// From the bolt: row 3 grows to three times its size.
		x := newTrial(t, l, "config: {max_message_bytes: 1MiB}"+fmt.Sprintf(texts, "n: 10, times: 10000, text: "+strings.Repeat("t", 60), "large"))
		p := x.start()
		p.exits(3)
		x.arrived(10, 3)
		x.lived("source", "work", "sink")
		p.says("max_message_bytes")

		// From the spout: none of its rows may pass. Each is an error, and it goes on.
		p = x.start("--set", "spouts.source.config.times=30000")
		p.exits(0)
		p.says("source | ERROR", "max_message_bytes")
		if pids := x.pids("source"); len(pids) != 2 {
			t.Errorf("the spout had %d processes in two runs", len(pids))
		}
	})
}

// With a low limit the frames that rows share are as small: no child refuses one.
func TestD07_FramesKeepToALowLimit(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, "config: {max_message_bytes: 2KiB}"+fmt.Sprintf(texts, "n: 20000, times: 10, text: "+strings.Repeat("t", 60), "large"))
		x.run()
		x.arrived(20_000)
		x.lived("source", "work", "sink")
	})
}

func TestD08_ThreadsEmitAndAckAtOnce(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		const n = 50_000
		x := newTrial(t, l, fmt.Sprintf(`
spouts:
  source:
    command: [{source}, source]
    config: {n: %d}
    output: [id]
bolts:
  work:
    command: [{protocol}, work, threads]
    inputs: [source]
    output: [id, who, minus]
  sink:
    command: [python3, notes.py, sink]
    inputs: [work]
`, n))
		x.run()
		x.lived("source", "work", "sink")
		lines := x.lines("arrived")
		slices.Sort(lines)
		if lines = slices.Compact(lines); len(lines) != 2*n {
			t.Errorf("%d different rows have arrived, want %d", len(lines), 2*n)
		}
		for _, line := range lines {
			var id, minus int
			var who string
			if _, err := fmt.Sscanf(line, "%d %s %d", &id, &who, &minus); err != nil || minus != -id {
				t.Fatalf("the row %q is a mixture (%v)", line, err)
			}
		}
	})
}

func TestD09_WhatIsKeptStaysAsItCame(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, `
spouts:
  source:
    command: [{texts}, source, hoard]
    config: {n: 20000}
    output: [id, text, data]
bolts:
  work:
    command: [{protocol}, work, hoard]
    inputs: [source]
`)
		x.run()
		if kept := x.lines("kept"); !slices.Equal(kept, []string{"20000"}) {
			t.Errorf("%s tuples were kept, want 20000", kept)
		}
		if spoilt := x.lines("spoilt"); len(spoilt) > 0 {
			t.Errorf("%d tuples have changed, such as %s", len(spoilt), spoilt[0])
		}
	})
}

func TestD13_AnEmitThatCannotBeSerialised(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(chain, 100, "{protocol}, work, careful", ""))
		p := x.start()
		p.exits(3)
		var dead []int
		for i := 10; i < 20; i++ {
			dead = append(dead, i)
		}
		got := x.dead()
		slices.Sort(got)
		if !slices.Equal(got, dead) {
			t.Errorf("dead are %v, want those that raised, %v", got, dead)
		}
		if ids, _ := x.ids("arrived"); len(ids) != 90 {
			t.Errorf("%d ids have arrived, want the 90 others", len(ids))
		}
		caught := x.lines("caught")
		if len(caught) != 10 || !strings.Contains(caught[0], "work") || !strings.Contains(caught[0], "id") {
			t.Errorf("user code caught %q, want 10 errors that name component and field", caught)
		}
		x.lived("source", "work", "sink")
	})
}

func TestD15_AnEmitOfTheWrongShape(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(strings.Replace(chain, "output: [id]\nbolts", "output: [id]\n    retries: 0\nbolts", 1), 10, "{protocol}, work, wrong", ""))
		p := x.start()
		p.exits(3)
		for i, what := range []string{"default", "default", "nowhere", "di"} {
			found := false
			for _, line := range x.lines("dead.jsonl") {
				if strings.Contains(line, fmt.Sprintf(`"values":{"id":%d}`, i)) {
					found = strings.Contains(line, "work: ") && strings.Contains(line, what) && strings.Contains(line, `"reason":"exception"`)
				}
			}
			if !found {
				t.Errorf("no error of row %d that names component and %s in\n%s", i, what, strings.Join(x.lines("dead.jsonl"), "\n"))
			}
		}
		if ids, _ := x.ids("arrived"); len(ids) != 6 {
			t.Errorf("%d rows have arrived, want the 6 good ones", len(ids))
		}
		x.lived("source", "work", "sink")
	})
}
