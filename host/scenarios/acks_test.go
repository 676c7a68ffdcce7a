package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Scenarios of acks, fails and replays.

// named is a spout whose tuples have ids → work → sink; the verbs are their
// number, the spout's and work's modes.
const named = `
spouts:
  source:
    command: [{ids}, source, %[2]s]
    config: {n: %[1]d}
    output: [id]
    retries: 2
bolts:
  work:
    command: [{ids}, work, %[3]s]
    inputs: [source]
    output: [id]
  sink:
    command: [{sink}, sink]
    inputs: [work]
`

// A bolt fails a tuple, says so twice, acks it too, and goes on: one fail each
// time, and the next tuple is processed. Every attempt counts (the host
// replays, for the spout does not override fail), and then it is given up.
func TestD40_D42_FailThenMoreWork(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		const n = 1000
		x := newTrial(t, l, fmt.Sprintf(named, n, "named", "failing"))
		p := x.start()
		p.exits(3)
		var tenths []int
		for i := 0; i < n; i += 10 {
			tenths = append(tenths, i)
		}
		dead := x.dead()
		slices.Sort(dead)
		if !slices.Equal(dead, tenths) {
			t.Errorf("dead are %v, want every tenth", dead)
		}
		for _, line := range x.lines("dead.jsonl") {
			if !strings.Contains(line, `"attempts":3`) || !strings.Contains(line, "I do not like ") || !strings.Contains(line, `"reason":"fail"`) {
				t.Errorf("a dead tuple that failed three times is %s", line)
			}
		}
		x.outcomes(n, 0)
		arrived, _ := x.ids("arrived")
		rows := map[string]int{}
		for _, line := range x.lines("arrived") {
			rows[line]++
		}
		for i := range n {
			want := "-" + strconv.Itoa(i+1) // what it emits after the fail, in each attempt
			if i%10 == 0 && (arrived[i] || rows[want] != 3) || i%10 != 0 && rows[strconv.Itoa(i)] != 1 {
				t.Fatalf("tuple %d: arrived %d times, after its fails %d rows", i, rows[strconv.Itoa(i)], rows[want])
			}
		}
		x.lived("source", "work", "sink")
	})
}

// outcomes checks that a spout of n tuples has heard of each once, every tenth
// given up and the others acked, and of each tenth's fails.
func (x *trial) outcomes(n, fails int) {
	x.t.Helper()
	acked, ackTotal := x.ids("acked")
	given, givenTotal := x.ids("given up")
	_, failed := x.ids("failed")
	if len(acked) != n-n/10 || ackTotal != n-n/10 || len(given) != n/10 || givenTotal != n/10 || failed != fails {
		x.t.Errorf("the spout has heard of %d acks of %d tuples, %d given up of %d, and of %d fails; want %d, %d and %d",
			ackTotal, len(acked), givenTotal, len(given), failed, n-n/10, n/10, fails)
	}
	for id := range acked {
		if id%10 == 0 {
			x.t.Errorf("tuple %d, which failed, is acked", id)
		}
	}
}

// A spout that overrides fail replays by itself: each fail is told, and its
// giving up is its own affair. The exit code says that some tuple's last word
// was a fail.
func TestD42_ASpoutThatReplays(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		const n = 1000
		x := newTrial(t, l, fmt.Sprintf(named, n, "reliable", "failing"))
		p := x.start()
		p.exits(3)
		x.outcomes(n, 3*n/10)
		if dead := x.dead(); len(dead) > 0 {
			t.Errorf("dead are %v, want none: the spout has its own way", dead)
		}
		x.lived("source", "work", "sink")
	})
}

// Ticks need no ack, and leave nothing behind.
func TestD45_TicksWithoutEnd(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(chain, 1000, "{ids}, work, ticking", "tick: 1ms"))
		x.run("--set", "spouts.source.config.pause=0.4")
		x.arrived(1000)
		x.lived("source", "work", "sink")
		var kib []int
		for _, line := range x.lines("memory") {
			n, err := strconv.Atoi(line)
			if err != nil {
				t.Fatal(err)
			}
			kib = append(kib, n)
		}
		if len(kib) != 2 || kib[1]-kib[0] > 4096 && l.name == "python" || kib[1]-kib[0] > 20_000 {
			t.Errorf("after 300 and 2000 ticks it had %v KiB", kib)
		}
	})
}
