package shells

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStop(t *testing.T) {
	t.Parallel()
	why := errors.New("the topology was killed")
	for _, test := range []struct {
		name, script string
		deadlines    Deadlines
		code         int
		signal       string
		err          error
	}{
		{"exits by itself", "read x; exit 3", Deadlines{Exit: time.Minute}, 3, "", nil},
		{"on TERM", "trap 'exit 4' TERM; echo up; while :; do sleep 0.01; done", Deadlines{Term: time.Minute}, 4, "", why},
		{"stopped", "echo up; kill -STOP $$", Deadlines{Term: time.Minute}, -1, "SIGTERM", why},
		{"ignores TERM", "trap '' TERM; echo up; while :; do sleep 0.01; done", Deadlines{Term: 50 * time.Millisecond}, -1, "SIGKILL", why},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var p probe
			up := make(chan struct{})
			spec := p.spec(t, "sh", "-c", test.script)
			spec.Output = func(b []byte) (int, int, error) { close(up); return len(b), 0, nil }
			c := start(t, spec)
			if strings.Contains(test.script, "up") {
				waitFor(t, up, "the child to be up")
			}
			c.CloseInput()
			if err := c.Stop(t.Context(), test.deadlines, why); err != nil {
				t.Fatal(err)
			}
			waitFor(t, c.Done(), "the exit")
			if p.exit.Code != test.code || p.exit.Signal != test.signal || p.exit.Err != test.err {
				t.Error(p.exit.String())
			}
		})
	}
}

func TestStopKillsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	var p probe
	c := start(t, p.spec(t, "sleep", "100"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Stop(ctx, Deadlines{Exit: time.Hour, Term: time.Hour}, context.Canceled); err != nil {
		t.Fatal(err)
	}
	waitFor(t, c.Done(), "the exit")
	if p.exit.Signal != "SIGKILL" {
		t.Error(p.exit.String())
	}
}
