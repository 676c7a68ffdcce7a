package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// testComponents are what the children of these tests run.
var testComponents = map[string]func() error{
	"numbers":    func() error { return numbers(10_000) },
	"split":      split,
	"pass":       pass,
	"sink":       sink,
	"keep":       keep,
	"slow":       slow,
	"count":      count,
	"blocked":    blocked,
	"quits":      quits,
	"leaves":     leaves,
	"few":        func() error { return numbers(200) },
	"aiming":     aiming,
	"aimless":    aimless,
	"mistake":    mistake,
	"flees":      flees,
	"forsakes":   forsakes,
	"sulks":      sulks,
	"parts":      parts,
	"falters":    falters,
	"relents":    relents,
	"defers":     defers,
	"defersHeld": defersHeld,
	"dies":       dies,
	"hasty":      hasty,
	"bye":        bye,
	"lingers":    lingers,
	"fans":       fans,
	"plods":      plods,
	"two":        func() error { return numbers(2) },
	"talkative":  talkative,
	"waits":      waits,
	"forgets":    func() error { return classicBolt(func() {}) },
	"stuck":      func() error { return classicBolt(stuck) },
	"large":      large,
	"keepsFirst": keepsFirst,
	"wedged":     wedged,
	"doubles":    doubles,
	"breaks":     breaks,
}

// numbersToSink is the plainest topology: a spout, and a bolt that notes what comes.
const numbersToSink = `
name: t
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  sink:
    component: sink
    inputs: [numbers]
`

// numbers emits 0 … n-1 and a text of as many words as the number's last digit.
func numbers(n int) error {
	i := -1
	return multilangtest.RunSpout(multilangtest.Spout{Next: func() []any {
		if i++; i == n {
			return nil
		}
		return []any{i, strings.TrimSpace(strings.Repeat("w"+strconv.Itoa(i%13)+" ", i%10))}
	}})
}

func split() error {
	return multilangtest.RunBolt(func(_ *multilangtest.Child, row []any) (out [][]any, err error) {
		for _, w := range strings.Fields(row[1].(string)) {
			out = append(out, []any{w})
		}
		return out, nil
	}, nil, nil)
}

func pass() error {
	return multilangtest.RunBolt(func(_ *multilangtest.Child, row []any) ([][]any, error) { return [][]any{row}, nil }, nil, nil)
}

// sink writes the first field of each row to the file TEST_OUT/sink, when it stops.
func sink() error {
	f, err := os.OpenFile(filepath.Join(os.Getenv("TEST_OUT"), "sink"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return multilangtest.RunBolt(func(_ *multilangtest.Child, row []any) ([][]any, error) {
		_, err := fmt.Fprintln(f, row[0])
		return nil, err
	}, nil, nil)
}

// count counts words and emits the counts when it stops.
func count() error {
	n := map[string]int{}
	return multilangtest.RunBolt(func(_ *multilangtest.Child, row []any) ([][]any, error) {
		n[row[0].(string)]++
		return nil, nil
	}, nil, func() (out [][]any) {
		for w, k := range n {
			out = append(out, []any{fmt.Sprint(w, "=", k)})
		}
		return out
	})
}

// mistake tells what is wrong with it, and goes without a word on stderr.
func mistake() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	if err := c.Send(func(b []byte) []byte {
		return multilang.AppendError(b, &multilang.Error{Kind: "exception", Type: "Mistake", Message: "B has no process", Place: "b.py:3"})
	}); err != nil {
		return err
	}
	os.Exit(1)
	return nil
}
