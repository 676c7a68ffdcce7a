package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/topology"
)

// Lines of a run are followed, and who reads too slowly is told what is missing.
func TestLocalLogsAreFollowed(t *testing.T) {
	t.Parallel()
	r := newLocalRun(&topology.Topology{Name: "letters"})
	r.lines.limit = 3
	say := func(id topology.ComponentID, text string) { r.Line(process.Line{Component: id, Text: text + "\n"}) }
	for n := range 5 {
		say("a", fmt.Sprint("early ", n))
	}
	say("b", "of another")
	enough := errors.New("enough")
	var got []string
	err := r.Logs(t.Context(), api.LogQuery{Topology: "letters", Component: "a", Tail: 1, Follow: true}, func(l api.LogLine) error {
		got = append(got, l.Text)
		switch l.Text {
		case "early 4": // while this is being read, more come than are kept
			for n := range 5 {
				say("a", fmt.Sprint("late ", n))
			}
		case "late 4":
			return enough
		}
		return nil
	})
	if want := "early 4|(2 lines came faster than they were read, and are left out)|late 2|late 3|late 4"; !errors.Is(err, enough) || strings.Join(got, "|") != want {
		t.Errorf("%v: %q", err, got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Logs(ctx, api.LogQuery{Topology: "letters", Tail: 1, Follow: true}, func(api.LogLine) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("when the reader goes: %v", err)
	}
	var e *api.Error
	if err := r.Logs(ctx, api.LogQuery{Topology: "another"}, nil); !errors.As(err, &e) || e.Code != api.CodeNotFound {
		t.Errorf("of another topology: %v", err)
	}
}

// A log level that was changed for a time is as usual again after it.
func TestLocalLevelsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newLocalRun(&topology.Topology{Name: "letters"})
		change := func(q api.ChangeRequest) error {
			q.Verb = api.SetLevel
			_, err := r.Change(t.Context(), "letters", q)
			return err
		}
		for want, q := range map[string]api.ChangeRequest{"no log level": {Level: "loud"}, "no component": {Level: "debug", Component: "nobody"}, "negative": {Level: "debug", For: -1}} {
			if err := change(q); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %v", q, err)
			}
		}
		if err := change(api.ChangeRequest{Level: "debug", For: time.Minute}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if l := r.logLevels(time.Now()); len(l) != 1 || l[0].Level != "debug" {
			t.Errorf("within its time: %v", l)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		if levels, change := r.levels.Levels(time.Now()); len(levels) != 0 || !change.IsZero() || r.timer != nil {
			t.Errorf("after it: %v, until %v", levels, change)
		}
	})
}
