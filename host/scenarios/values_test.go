package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Scenarios of values. The golden vectors cross the engine in a test of their
// own; these are what a user would try.

const passOn = `
config: {max_message_bytes: 80MiB}
spouts:
  source:
    command: [python3, values.py, source, %s]
    config: {size: 1, n: 64}
    output: [%s]
bolts:
  work:
    command: [{protocol}, work, same]
    inputs: [source]
    output: [%s]
  sink:
    command: [python3, notes.py, sink]
    inputs: [work]
`

func TestD12_D14_ValuesArriveAsTheyWereSent(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(passOn, "kinds", "n, value", "n, value"))
		x.run()
		want := []string{
			"None", "True", "False", "0", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808", "1.5", "-0.0", "inf", "-inf", "nan",
			"''", "'text'", `'\x00'`, "'\u00e4\U0001f600'", "b''", `b'\xff\xfe\x00'`, "[]", "[1, [2, [3, None]]]", "{}", `{'a': {'b': [1, b'\x00']}}`,
			"{1: 'one', None: 2}", "[1, 2]", "datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)",
		}
		for i := range want {
			want[i] = fmt.Sprint(i, " ", want[i])
		}
		if got := x.lines("arrived"); !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		x.lived("source", "work", "sink")
	})
}

func TestD14_ValuesThatCannotBeSentAreNamed(t *testing.T) {
	t.Parallel()
	x := newTrial(t, python, fmt.Sprintf(passOn, "refused", "n, value", "n, value"))
	p := x.run()
	if got := x.lines("arrived"); !slices.Equal(got, []string{"1 'the last'"}) {
		t.Errorf("%s have arrived", got)
	}
	p.says("source: stream 'default', field 'value'")
	x.lived("source", "work", "sink")
}

// 64 MB take about the same work as messages of 1, 8 or 32 MB. What is
// compared is CPU time, of all processes of a run: the machine may be busy.
func TestD06_LargeMessagesTakeTimeInProportion(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		cpu := map[int]time.Duration{}
		for _, size := range []int{1, 8, 32} {
			x := newTrial(t, l, fmt.Sprintf(passOn, "large", "size, text", "size, text"))
			p := x.run("--set", fmt.Sprint("spouts.source.config.size=", size), "--set", fmt.Sprint("spouts.source.config.n=", 64/size))
			want := slices.Repeat([]string{fmt.Sprintf("%d %d of '\u00e4'", size, size<<19)}, 64/size)
			if got := x.lines("arrived"); !slices.Equal(got, want) {
				t.Errorf("%s have arrived", got)
			}
			x.lived("source", "work", "sink")
			cpu[size] = p.State().UserTime() + p.State().SystemTime()
		}
		if cpu[8] > 3*cpu[1] || cpu[32] > 3*cpu[1] { // in quadratic time: 8 and 32 times
			t.Errorf("CPU time by megabytes a message: %v", cpu)
		}
		t.Logf("CPU time by megabytes a message: %v", cpu)
	})
}
