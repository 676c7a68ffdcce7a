package worker

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// nobody is no task of these tests' topologies.
const nobody = 99

// A row that nobody would get fails what it came from, whatever way it says
// where that is; its neighbours and its child have nothing to do with it.
func TestEmitsThatNobodyWouldGetFailTheirRow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, `
name: t
spouts:
  few:
    component: few
    output: [n, text]
    retries: 1
bolts:
  aiming:
    component: aiming
    inputs: [few]
    output: {default: [n], plain: [n]}
  left:
    component: sink
    parallelism: 2
    inputs: [{from: aiming, group: direct}]
  right:
    component: sink
    inputs: [{from: aiming, group: direct}]
  sink:
    component: sink
    inputs: [{from: aiming, stream: plain}]
`)
	s := f.run()
	var want []float64
	for n := range 200 {
		if n%5 == 0 || n%7 == 0 {
			want = append(want, float64(n))
		}
	}
	if s.Dead != int64(len(want)) || s.Failed != 2*s.Dead || s.Acked+s.Dead != 200 {
		t.Errorf("%+v, of which %d were to die", s, len(want))
	}
	if got := deadNumbers(t, f); !slices.Equal(got, want) {
		t.Errorf("dead are %v, not %v", got, want)
	}
	arrived := map[string]int{}
	for _, n := range f.out("sink") {
		arrived[n]++
	}
	for n := range 200 {
		want := 2 // on both streams
		switch {
		case n%5 == 0 && n%7 == 0:
			want = 0
		case n%5 == 0 || n%7 == 0:
			want = 2 // on one of them, twice
		}
		if got := arrived[fmt.Sprint(n)]; got != want {
			t.Errorf("%d has arrived %d times, not %d", n, got, want)
		}
	}
	f.once(`aiming: stream "default" is read with group: direct by the tasks 3, 4, 5; 99, which the emit names, is none of them`)
	for _, x := range f.seen.failures {
		if x.Kind == "exit" {
			t.Errorf("a child has ended: %+v", x)
		}
	}
}

// A spout's row that nobody would get is given up at once: it is told, and waits for no timeout.
func TestASpoutsRowsThatNobodyWouldGet(t *testing.T) {
	t.Parallel()
	for _, group := range []string{"direct", "shuffle"} {
		for _, acking := range []string{"true", "false"} {
			t.Run(group+" acking "+acking, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, `
name: t
config: {message_timeout: 10m, acking: `+acking+`}
spouts:
  aimless:
    component: aimless
    output: [n]
bolts:
  sink:
    component: sink
    inputs: [{from: aimless, group: `+group+`}]
`)
				s := f.run()
				want := Summary{Acked: 10, Failed: 10, Dead: 10}
				if group == "shuffle" {
					want = Summary{Failed: 20, Dead: 20}
				}
				if acking == "false" {
					want = Summary{}
				}
				if s != want {
					t.Errorf("%+v, not %+v", s, want)
				}
				if group == "direct" {
					if got := f.out("sink"); !slices.Equal(got, strings.Fields("0 2 4 6 8 10 12 14 16 18")) {
						t.Errorf("arrived are %v", got)
					}
					f.once(`aimless: stream "default" is read with group: direct by the tasks 2; 99, which the emit names, is none of them`)
				} else {
					f.once(`aimless: stream "default" is not read with group: direct, but the emit names task 2: name none, or write group: direct at the inputs that read it`)
				}
			})
		}
	}
}

// once tells whether a failure was shown.
func (f *fixture) once(message string) {
	f.t.Helper()
	if told := failuresOf(f.Worker); !slices.ContainsFunc(told, func(x Failure) bool { return x.Message == message && x.Type == "EmitError" }) {
		f.t.Errorf("%q was not told, but %+v", message, told)
	}
}

func deadNumbers(t *testing.T, f *fixture) (numbers []float64) {
	t.Helper()
	for line := range strings.Lines(f.dead.String()) {
		var d struct{ Values map[string]any }
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, d.Values["n"].(float64))
	}
	slices.Sort(numbers)
	return numbers
}

// aiming emits each number on a stream that is read with direct grouping, with
// a task that is nobody for each fifth one, and on another, with a task for each seventh one.
func aiming() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeData {
			return nil
		}
		readers := c.Welcome.Direct["default"]
		if len(c.Welcome.Direct) != 1 || len(readers) != 3 {
			return fmt.Errorf("the welcome names %v", c.Welcome.Direct)
		}
		var direct, plain, both [][]any
		var tasks, ends, refs, those multilang.U32s
		for i, row := range multilangtest.RowsOf(m) {
			n := int(row[0].(int64))
			task := readers[n%3]
			if n%5 == 0 {
				task = nobody
			}
			direct, tasks = append(direct, row[:1]), le.AppendUint32(tasks, uint32(task))
			if n%7 != 0 {
				plain = append(plain, row[:1])
			} else {
				both, those = append(both, row[:1]), le.AppendUint32(those, uint32(readers[0]))
				refs = le.AppendUint32(le.AppendUint32(refs, m.Seq), uint32(i))
			}
			ends = le.AppendUint32(ends, uint32(len(plain)))
		}
		groups := []multilang.Group{multilangtest.Group(0, direct...)}
		groups[0].How, groups[0].Direct = multilang.AnchorEach, tasks
		if len(plain) > 0 {
			g := multilangtest.Group(1, plain...)
			g.How, g.Anchors = multilang.AnchorEnds, ends
			groups = append(groups, g)
		}
		if len(both) > 0 {
			g := multilangtest.Group(1, both...)
			g.How, g.Anchors, g.Direct = multilang.AnchorRefs, refs, those
			groups = append(groups, g)
		}
		return c.Reply(&multilang.FromChild{Seq: m.Seq, N: m.N, Groups: groups})
	})
}

// aimless emits 0 … 19, the even ones to its reader, the odd ones to nobody.
func aimless() error {
	c, err := multilangtest.Start("spout")
	if err != nil {
		return err
	}
	n := 0
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeNext {
			return nil
		}
		out := multilang.FromChild{Seq: m.Seq, Final: true}
		var rows [][]any
		var tasks multilang.U32s
		for ; len(rows) < m.N && n < 20; n++ {
			rows = append(rows, []any{n})
			tasks = le.AppendUint32(tasks, uint32([]int{c.Welcome.Tasks["sink"][0], nobody}[n%2]))
		}
		if len(rows) > 0 {
			g := multilangtest.Group(0, rows...)
			g.How, g.Direct = multilang.AnchorEach, tasks
			out.Groups = []multilang.Group{g}
		}
		if err := c.Rows(&out); err != nil {
			return err
		}
		if n == 20 && len(rows) > 0 {
			return c.Finish()
		}
		return nil
	})
}

// A reply keeps what it says of other rows when one of its emits is refused.
func TestBlameFor(t *testing.T) {
	t.Parallel()
	e := &multilang.Error{Message: "why"}
	u := func(n ...uint32) (u multilang.U32s) {
		for _, x := range n {
			u = le.AppendUint32(u, x)
		}
		return u
	}
	m := &multilang.FromChild{Seq: 7, First: 10, N: 4, Held: u(11), Acked: u(7, 12, 6, 3, 5, 1), Failed: []multilang.RowError{{Row: 13}}}
	for _, at := range []ref{{7, 10}, {7, 11}, {7, 12}, {7, 13}, {6, 3}, {7, 14}, {7, 14}} {
		blameFor(m, at, e)
	}
	failed, late := map[int]string{}, map[ref]string{}
	for _, x := range m.Failed {
		failed[x.Row] += "." + x.Err.Message
	}
	for _, x := range m.Late {
		late[ref{x.Seq, uint32(x.Row)}] += "." + x.Err.Message
	}
	if want := map[int]string{10: ".why", 12: ".why", 13: "."}; !maps.Equal(failed, want) {
		t.Errorf("failed are %v, not %v", failed, want)
	}
	if want := map[ref]string{{7, 11}: ".why", {6, 3}: ".why", {7, 14}: ".why"}; !maps.Equal(late, want) {
		t.Errorf("late are %v, not %v", late, want)
	}
	if want := u(5, 1); !slices.Equal(m.Acked, want) {
		t.Errorf("acked are %v, not %v", m.Acked, want)
	}
}
