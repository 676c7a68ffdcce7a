package hosttest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/api"
)

var errSeen = errors.New("seen")

// Tuples of an edge are shown, wherever they come from, also after a worker
// was killed, and a client that goes leaves nothing behind.
func TestTap(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2})
	c.MustCLI(t, "deploy", EndlessWordCount(t), "--set", "config.workers=2")
	out := c.MustCLI(t, "tap", "word-count", "split->count", "--where", `word == "the" or word == "The"`, "--limit", "3", "--fields", "word")
	if n := strings.Count(strings.ToLower(out), `{"word":"the"}`); n != 3 || !strings.Contains(out, " split[") || !strings.Contains(out, "3 shown") {
		t.Errorf("tap says:\n%s", out)
	}
	if out := c.MustCLI(t, "tap", "word-count", "lines", "--for", "1ms", "-o", "json"); !strings.Contains(out, `{"counts":{"passed":`) {
		t.Errorf("tap -o json says:\n%s", out)
	}
	for want, args := range map[string][]string{
		`column 6: = is no comparison`:                       {"split", "--where", "word = 1"},
		`no field "line": there are word`:                    {"split", "--where", "line == 1"},
		"count does not read from lines":                     {"lines->count"},
		"quote it, 'split->COMPONENT'":                       {"split-"},
		"--sample 200%":                                      {"split", "--sample", "200%"},
		`"split->" is no edge`:                               {"split->"},
		"word-count has no component \"nobody\": there are ": {"nobody"},
	} {
		if out, code := c.CLI(t, append([]string{"tap", "word-count"}, args...)...); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d\n%s", args, code, out)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	places := map[string]bool{}
	killed := false
	err := c.API.Tap(ctx, api.TapQuery{Topology: "word-count", From: "split"}, func(e api.TapEvent) error {
		switch {
		case e.Tuple == nil:
		case !killed && len(places) == 2: // both workers are seen: now one dies
			killed = true
			clear(places)
			list := c.Workers(t, 0)
			for _, w := range list {
				kill(t, w)
				w.Close()
			}
		case killed && len(places) == 2:
			return errSeen
		default:
			places[e.Tuple.Place] = true
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		t.Errorf("%v; seen: %v, killed: %v", err, places, killed)
	}
	// More taps than a worker has room for, one after the other.
	for range 10 {
		Eventually(t, "there is room for a tap", func() bool {
			return errors.Is(c.API.Tap(ctx, api.TapQuery{Topology: "word-count", From: "split"}, func(e api.TapEvent) error {
				if e.Lost != "" {
					return errors.New(e.Lost)
				}
				return errSeen
			}), errSeen)
		})
	}
	c.MustCLI(t, "kill", "word-count", "--wait", "1s")
}
