package sink

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

// scene is a cluster with one topology, as far as a watch sees it.
type scene struct {
	w      watch
	at     time.Time
	top    api.Topology
	f      api.Figures
	last   *api.Outcome
	errors []api.ComponentErrors
	absent bool
}

func newScene() *scene {
	at := time.Unix(1_900_000_000, 0)
	return &scene{at: at, top: api.Topology{Name: "t", State: "active", Run: 1, Version: 1}, f: api.Figures{Workers: []api.WorkerFigures{
		{Place: "m.0.0", Started: at, Tasks: []api.TaskFigures{{Component: "split", Task: 2, Index: 1, Restarts: 4, Errors: 4}}},
	}}}
}

// look looks after ten seconds, and words what is told.
func (s *scene) look() []string {
	s.at = s.at.Add(10 * time.Second)
	l := &look{at: s.at, figures: []*api.Figures{&s.f}}
	if !s.absent {
		l.list = []api.Topology{s.top}
	}
	events := s.w.see(l)
	for _, name := range s.w.curious(s.at) {
		events = append(events, s.w.show(name, &api.Status{Topology: s.top, Last: s.last}, s.errors)...)
	}
	words := []string{}
	for _, e := range events {
		bad := ""
		if e.Bad {
			bad = "!"
		}
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s%s %s %d %s", e.Kind, bad, e.Component, e.Count, e.Text)))
	}
	return words
}

func (s *scene) task() *api.TaskFigures { return &s.f.Workers[0].Tasks[0] }

func (s *scene) fail(host string, count int64, after time.Duration) {
	s.task().Errors++
	s.errors = []api.ComponentErrors{{Component: "split", Errors: []api.Failure{
		{Component: "split", Kind: "exception", Type: "ValueError", Place: "s.py:3", Count: count, Occurrence: api.Occurrence{Time: s.at.Add(after), Host: host, Message: "no"}},
	}}}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(*scene)
		want []string
	}{
		"nothing": {func(*scene) {}, []string{}},
		"a state": {func(s *scene) { s.top.State, s.top.Why = "waiting", "2 slots short" }, []string{"state!  0 active → waiting: 2 slots short"}},
		"gone":    {func(s *scene) { s.absent = true }, []string{"state  0 gone"}},
		"a deploy": {func(s *scene) {
			s.top.Run, s.last = 2, &api.Outcome{ID: "x", Kind: "deploy", OK: true, Took: 2 * time.Second, Gap: 80 * time.Millisecond}
		}, []string{"change  0 deploy succeeded in 2s; no spout ran for 80ms"}},
		"a deploy that fails": {func(s *scene) {
			s.top.State, s.last = "active again", &api.Outcome{ID: "x", Kind: "deploy", Why: "component split cannot start"}
		}, []string{"state  0 active → active again", "change!  0 deploy did not succeed: component split cannot start"}},
		"restarts":              {func(s *scene) { s.task().Restarts += 3 }, []string{"restart! split 3 the process of split[2] was started again"}},
		"another worker":        {func(s *scene) { s.f.Workers = append(s.f.Workers, api.WorkerFigures{Place: "m.1.0"}) }, []string{"worker  0 a worker has begun in m.1.0"}},
		"a worker again":        {func(s *scene) { s.f.Workers[0].Started = s.at; s.task().Restarts = 0 }, []string{"worker!  0 the worker in m.0.0 has begun anew"}},
		"a worker less":         {func(s *scene) { s.f.Workers = nil }, []string{"worker  0 no worker is in m.0.0 any more"}},
		"a worker that is mute": {func(s *scene) { s.f = api.Figures{Silent: []string{"m.0.0: timeout"}} }, []string{}},
		"an error":              {func(s *scene) { s.fail("a", 1, time.Second) }, []string{"error! split 0 ValueError: no (s.py:3)"}},
		"errors":                {func(s *scene) { s.fail("a", 5, time.Second) }, []string{"error! split 5 ValueError: no (s.py:3)"}},
		"another clock":         {func(s *scene) { s.fail("a", 1, -time.Hour) }, []string{"error! split 0 ValueError: no (s.py:3)"}},
	} {
		s := newScene()
		if got := s.look(); len(got) > 0 {
			t.Errorf("%s: the first look tells %q", name, got)
		}
		c.do(s)
		if diff := cmp.Diff(c.want, s.look()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := s.look(); len(got) > 0 {
			t.Errorf("%s: and once more: %q", name, got)
		}
	}
}

// What the first look could not see is as old as what it saw: a leader that has
// just begun may have no answer from workers that have run for long.
func TestWatchFirstSeesWorkersLater(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]*api.Figures{"no figures": nil, "a mute worker": {Silent: []string{"m.0.0: timeout"}}} {
		s := newScene()
		s.w.see(&look{at: s.at, list: []api.Topology{s.top}, figures: []*api.Figures{first}})
		if got := s.look(); len(got) > 0 {
			t.Errorf("%s at first, then what was there all the time: %q", name, got)
		}
		s.task().Restarts++
		if got := s.look(); len(got) != 1 || got[0] != "restart! split 0 the process of split[2] was started again" {
			t.Errorf("%s at first, and then a restart: %q", name, got)
		}
	}
}

// What was there before anybody looked is old, whatever it is; what comes
// later is told, also when it is the same again, or is written down late.
func TestWatchTellsWhatIsNew(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.fail("a", 7, 0)
	s.last = &api.Outcome{ID: "old", Kind: "deploy", OK: true}
	if got := s.look(); len(got) > 0 {
		t.Errorf("the first look tells %q", got)
	}
	s.fail("a", 9, time.Second)
	if got := s.look(); len(got) != 1 || got[0] != "error! split 2 ValueError: no (s.py:3)" {
		t.Errorf("two more: %q", got)
	}
	s.f.Workers[0].Started, s.task().Restarts = s.at, 0 // its errors count from the start
	s.fail("a", 1, time.Second)
	if got := s.look(); len(got) != 2 || got[1] != "error! split 0 ValueError: no (s.py:3)" {
		t.Errorf("after the worker began anew: %q", got)
	}
	s.task().Errors++ // written down 20 s later
	kept := s.errors
	if got := s.look(); len(got) > 0 {
		t.Errorf("nothing is written yet: %q", got)
	}
	s.look()
	s.errors = append(kept, api.ComponentErrors{Component: "count", Errors: []api.Failure{{Component: "count", Kind: "exit", Count: 1, Occurrence: api.Occurrence{Host: "b", Message: "killed"}}}})
	if got := s.look(); len(got) != 1 || got[0] != "error! count 0 killed" {
		t.Errorf("what is written late: %q", got)
	}
	// Those of a run that is over have been told; those of the next one are new.
	s.top.Run = 2
	now := kept[0]
	now.Run = 2
	s.errors = append([]api.ComponentErrors{now}, s.errors...)
	if got := s.look(); len(got) != 1 || got[0] != "error! split 0 ValueError: no (s.py:3)" {
		t.Errorf("of another run: %q", got)
	}
	for range 4 {
		s.look()
	}
	if names := s.w.curious(s.at); len(names) > 0 {
		t.Errorf("nothing happens, and it reads the errors of %v", names)
	}
	// A topology that appears later is new in everything.
	s.w.seen = map[topology.Name]*seen{}
	if got := s.look(); len(got) < 4 || got[0] != "state  0 active" {
		t.Errorf("a topology that appears: %q", got)
	}
}
