package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64][2]string{
		0: {"0", "0"}, 999: {"999", "999"}, 9_999: {"9999", "9,999"}, 10_000: {"10k", "10,000"}, 999_999: {"999k", "999,999"},
		1_000_000: {"1.0M", "1,000,000"}, 99_940_000: {"99.9M", "99,940,000"}, 123_456_789: {"123M", "123,456,789"}, -1234: {"-1234", "-1,234"},
	} {
		if got := [2]string{count(n), grouped(n)}; got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration][2]string{
		0: {"", "0:00"}, 230 * time.Microsecond: {"0.23ms", "0:00"}, 45 * time.Millisecond: {"45ms", "0:00"},
		1500 * time.Millisecond: {"1.5s", "0:01"}, 61 * time.Second: {"61.0s", "1:01"}, 3*time.Hour + 62*time.Second: {"10862.0s", "3:01:02"},
	} {
		if got := [2]string{latency(d), clock(d)}; got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestGrid(t *testing.T) {
	t.Parallel()
	g := grid{header: []string{"<name", "n", "<"}}
	g.add(span{text: "long name"}, span{"7", red})
	g.add(span{text: "é"}, span{text: "1234"}, span{"why", yellow})
	var got []string
	for _, l := range g.lines() {
		got = append(got, paint(l, 19, false))
	}
	want := []string{"NAME          N", "long name     7", "é          1234  wh"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, want := paint(g.lines()[1], 80, true), "long name     \x1b[31m7\x1b[0m"; got != want {
		t.Errorf("in colour %q, want %q", got, want)
	}
}

// snapshot is a run after so many seconds: a spout, and a bolt with two tasks,
// one of them in trouble.
func snapshot(seconds int, acked int64) worker.Snapshot {
	started := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var trees metrics.Histogram // they were slow at first
	trees.Add(20*time.Second, 1000)
	trees.Add(1500*time.Microsecond, 90*seconds)
	trees.Add(20*time.Millisecond, 10*seconds)
	return worker.Snapshot{Time: started.Add(time.Duration(seconds) * time.Second), Started: started, Summary: worker.Summary{Acked: acked, Failed: 2, Dead: 1}, Tasks: []worker.TaskFigures{
		{Component: "lines", Kind: topology.Spout, State: worker.Running, Received: 10 * acked, Pending: 7, Times: map[string]metrics.Histogram{worker.StageTree: trees}},
		{Component: "split", Kind: topology.Bolt, State: worker.Running, Received: acked, Queued: 3, InChild: 2, Held: 1},
		{Component: "split", Kind: topology.Bolt, State: worker.Backoff, Why: "crash loop\nmore", Failed: 2, Restarts: 5},
	}}
}

// Rates are those of the last few seconds, not of the whole run.
func TestStatusTable(t *testing.T) {
	t.Parallel()
	var st status
	for i := range 20 {
		st.table(snapshot(i, 1000), "words", false)
	}
	var got []string
	for _, l := range st.table(snapshot(20, 7000), "words", true) {
		got = append(got, paint(l, 100, false))
	}
	want := []string{
		"",
		"COMPONENT   TASKS  ROWS/S  IN FLIGHT  FAILED  RESTARTS     P50     P90   P99",
		"lines           1     10k          7       0         0  1.46ms  1.57ms  20ms",
		"split      1 of 2    1000          6       2         5                        backoff crash loop",
		"words  0:20  acked 7,000 (1000/s)  failed 2  dead 1  stopping",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatusLine(t *testing.T) {
	t.Parallel()
	var st status
	if got, want := st.line(snapshot(5, 1000)), "polybolt: 5s: acked 1000 (200/s) failed 2 dead 1; lines in flight 7, p50 18.3s, p99 21.4s; split backoff crash loop"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"plain\ttext\n": "plain\ttext\n", "\x1b[2J\rx\x00": `\x1b[2J\rx\x00`, "\u009b31m": `\u009b31m`, "é’": "é’"} {
		if got := harmless(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What is larger than the screen is shown as far as it fits, its end first, and can be erased.
func TestConsoleErasesWhatFits(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	c := &console{out: &out, size: func() (int, int) { return 30, 4 }, topology: "words"}
	c.refresh(snapshot(1, 1))
	c.refresh(snapshot(2, 2))
	c.print("said")
	s := screen{width: 30, lines: []string{""}}
	s.write(strings.ReplaceAll(out.String(), "\n", "\r\n")) // as a terminal does
	want := "said\nlines           1      10\nsplit      1 of 2       1\nwords  0:02  acked 2 (1/s)  f\n\n"
	if diff := cmp.Diff(want, s.text()); diff != "" {
		t.Error(diff)
	}
}
