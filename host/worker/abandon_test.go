package worker

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// quits ends itself at every row.
func quits() error {
	return multilangtest.RunBolt(func(*multilangtest.Child, []any) ([][]any, error) {
		os.Exit(0)
		return nil, nil
	}, nil, nil)
}

// A run that was told to end ends, whatever a component does with its tuples;
// those are dead, and it is told who had them.
func TestADrainEnds(t *testing.T) {
	t.Parallel()
	const pending = 5
	for component, where := range map[string]func(Holding) int{
		"keep":  func(h Holding) int { return h.Held },
		"quits": func(h Holding) int { return h.Queued + h.InChild + h.Failed },
	} {
		t.Run(component, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, `
name: t
config: {max_pending: 5}
spouts:
  numbers:
    component: numbers
    output: [n, text]
    retries: 50
bolts:
  bad:
    component: `+component+`
    inputs: [numbers]
`, func(o *Options) { o.DrainTimeout, o.StopTimeout = 300*time.Millisecond, time.Second })
			go func() { f.result <- f.Run(t.Context()) }()
			eventually(t, "there are tuples in flight", func() bool { return f.Summary().Abandoned == pending })
			f.Drain()
			if err := <-f.result; err != nil {
				t.Fatal(err)
			}
			s := f.Snapshot()
			if s.Summary.Dead != pending || s.Summary.Abandoned != 0 || bytes.Count(f.dead.Bytes(), []byte(`"reason":"stopped"`)) != pending {
				t.Errorf("%+v\n%s", s.Summary, f.dead)
			}
			if g := s.GivenUp; g == nil || g.Tuples != pending || len(g.Where) != 1 || g.Where[0].Component != "bad" || where(g.Where[0]) != pending {
				t.Errorf("given up: %+v", g)
			}
		})
	}
}

// Of a tuple that is given up with the run it stands in dead.jsonl how often it
// was tried, the attempt that was under way included, and how it failed last.
func TestWhatIsGivenUpIsDescribed(t *testing.T) {
	t.Parallel()
	l := spoutLedger(t)
	var dead bytes.Buffer
	l.w.opts.Dead = NewJSONLines(&dead)
	give := func() acker.Root {
		group := multilangtest.Group(0, []any{1, "one"})
		roots, _ := l.keep(kept{n: 1, cols: group.Cols, child: 1}, nil, nil)
		return roots[0]
	}
	for _, c := range []struct {
		fails bool
		want  string
	}{
		{false, `"failed_in":"","attempts":1,"last_error":"it was to end"`},
		{true, `"failed_in":"sink","attempts":1,"last_error":"it was to end; the last attempt: ValueError: no"`},
	} {
		dead.Reset()
		if root := give(); c.fails {
			l.fail(root, failure{cause: acker.Exception, component: "sink", text: "ValueError: no"})
		}
		if l.giveUp(failure{cause: acker.Stopped, text: "it was to end"}); !strings.Contains(dead.String(), c.want) {
			t.Errorf("%s, and not\n%s", c.want, dead.String())
		}
	}
}

// What moves is not given up, however long it takes.
func TestStuck(t *testing.T) {
	before := headway{done: 7, load: 5, kept: 3}
	for name, x := range map[string]struct {
		before, now headway
		stuck       bool
	}{
		"nothing changes":             {before, before, true},
		"a tree has ended":            {before, headway{8, 5, 2}, false},
		"trees fail and are replayed": {before, headway{7, 2, 3}, true},
		"rows that nobody tracks":     {headway{load: 5}, headway{load: 4}, false},
		"none of these":               {headway{load: 5}, headway{load: 5}, true},
	} {
		if got := x.now.stuckSince(x.before); got != x.stuck {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := (Holding{Component: "b", Queued: 2, Failed: 1}).String(); got != "b: 2 queued, 1 failed and to be sent again" {
		t.Error(got)
	}
	if !slices.Equal([]bool{headway{}.idle(), before.idle()}, []bool{true, false}) {
		t.Error("idle is when nothing is there")
	}
}
