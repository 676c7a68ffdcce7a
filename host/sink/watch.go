package sink

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

// tellErrorsFor is for how long errors are read after a worker has counted one:
// of one that dies there is what it wrote down, which is read when it is gone.
const tellErrorsFor = 30 * time.Second

// look is what is seen of a cluster at one moment.
type look struct {
	at      time.Time
	list    []api.Topology
	figures []*api.Figures // of each; nil where they were not to be had
}

// watch tells what has happened between two looks. It holds no clock and asks
// nobody: its caller reads what curious names, and shows it.
type watch struct {
	seen map[topology.Name]*seen // nil before the first look
}

// seen is what was last seen of a topology.
type seen struct {
	api.Topology
	workers map[string]workerSeen // by place
	errors  int64                 // counted by all workers that live
	until   time.Time             // errors are read until then
	outcome string                // id of the last change that ended
	errs    map[errorKey]errorSeen
	new     bool // nothing of it has been told: what is there already is old
	dark    bool // it was there at the first look, and its figures have not been seen yet: they are old, too
}

type workerSeen struct {
	started  time.Time
	restarts map[topology.TaskID]int64
	mute     bool // it was there at the first look, and has not answered yet
}

// see takes a look. The first one tells nothing: what it shows is old.
func (w *watch) see(l *look) (events []Event) {
	first := w.seen == nil
	now := map[topology.Name]*seen{}
	for i, t := range l.list {
		s := &seen{workers: map[string]workerSeen{}, errs: map[errorKey]errorSeen{}, new: first, dark: first}
		if before := w.seen[t.Name]; before != nil {
			s = before
		}
		if !first && s.State != t.State {
			events = append(events, stateEvent(l.at, &s.Topology, &t))
		}
		if first || s.Run != t.Run || s.State != t.State || s.Version != t.Version {
			s.until = l.at.Add(tellErrorsFor) // its errors are those of another run, perhaps
		}
		s.Topology = t
		if f := l.figures[i]; f != nil {
			events = append(events, s.compare(l.at, f, s.dark)...)
			s.dark = false
		}
		now[t.Name] = s
	}
	for _, name := range slices.Sorted(maps.Keys(w.seen)) {
		if now[name] == nil {
			events = append(events, Event{Time: l.at, Kind: State, Topology: string(name), Text: "gone"})
		}
	}
	w.seen = now
	return events
}

// curious names the topologies whose status and errors are to be shown.
func (w *watch) curious(at time.Time) (names []topology.Name) {
	for _, name := range slices.Sorted(maps.Keys(w.seen)) {
		if s := w.seen[name]; s.new || at.Before(s.until) {
			names = append(names, name)
		}
	}
	return names
}

func stateEvent(at time.Time, before, t *api.Topology) Event {
	e := Event{Time: at, Kind: State, Topology: string(t.Name), Text: t.State, Bad: t.Why != ""}
	if before.State != "" {
		e.Text = before.State + " → " + t.State
	}
	if t.Why != "" {
		e.Text += ": " + t.Why
	}
	return e
}

// compare tells of workers and processes that began anew.
func (s *seen) compare(at time.Time, f *api.Figures, first bool) (events []Event) {
	var errors int64
	now := map[string]workerSeen{}
	for i := range f.Workers {
		x := &f.Workers[i]
		before, known := s.workers[x.Place]
		next := workerSeen{started: x.Started, restarts: map[topology.TaskID]int64{}}
		old := first || before.mute
		switch {
		case old:
		case !known:
			events = append(events, Event{Time: at, Kind: Worker, Topology: string(s.Name), Worker: x.Place, Text: "a worker has begun in " + x.Place})
		case !before.started.Equal(x.Started):
			events = append(events, Event{Time: at, Kind: Worker, Topology: string(s.Name), Worker: x.Place, Bad: true, Text: "the worker in " + x.Place + " has begun anew"})
			before = workerSeen{}
		}
		for j := range x.Tasks {
			t := &x.Tasks[j]
			errors += t.Errors
			next.restarts[t.Task] = t.Restarts
			if n := t.Restarts - before.restarts[t.Task]; n > 0 && !old {
				events = append(events, restartEvent(at, s.Name, x.Place, t, n))
			}
		}
		now[x.Place] = next
	}
	if first {
		for _, place := range silent(f) {
			now[place] = workerSeen{mute: true}
		}
	}
	events = append(events, s.ended(at, f, now)...)
	s.workers = now
	if errors != s.errors {
		s.errors, s.until = errors, at.Add(tellErrorsFor)
	}
	return events
}

// silent returns the places of the workers that did not answer.
func silent(f *api.Figures) (places []string) {
	for _, text := range f.Silent {
		place, _, _ := strings.Cut(text, ":")
		places = append(places, place)
	}
	return places
}

// ended tells of workers that are not among those there are now. One that is
// only silent stays among them: it has a place, and may answer next time.
func (s *seen) ended(at time.Time, f *api.Figures, now map[string]workerSeen) (events []Event) {
	mute := silent(f)
	for _, place := range slices.Sorted(maps.Keys(s.workers)) {
		if _, there := now[place]; there {
			continue
		}
		if slices.Contains(mute, place) {
			now[place] = s.workers[place]
			continue
		}
		events = append(events, Event{Time: at, Kind: Worker, Topology: string(s.Name), Worker: place, Text: "no worker is in " + place + " any more"})
	}
	return events
}

// show takes what was asked of a curious topology: its status and its errors.
func (w *watch) show(name topology.Name, status *api.Status, list []api.ComponentErrors) (events []Event) {
	s := w.seen[name]
	if s == nil {
		return nil
	}
	if status.Last != nil && status.Last.ID != s.outcome {
		s.outcome = status.Last.ID
		if !s.new {
			events = append(events, outcomeEvent(name, status.Last))
		}
	}
	told := events
	for _, c := range list {
		told = append(told, s.errorsOf(name, &c)...)
	}
	if s.new {
		told = events
	}
	s.new = false
	return told
}

// errorKey tells errors apart, as workers do: those alike count as one.
type errorKey struct {
	component        topology.ComponentID
	run              int
	kind, typ, place string
}

// errorSeen is what was last seen of errors that are alike.
type errorSeen struct {
	count int64
	last  time.Time
}

// maxErrorKeys bounds what is remembered of a topology's errors.
const maxErrorKeys = 10_000

// errorsOf tells which of a component's errors have come, or come again.
func (s *seen) errorsOf(name topology.Name, c *api.ComponentErrors) (events []Event) {
	if len(s.errs) > maxErrorKeys {
		s.errs = map[errorKey]errorSeen{} // some are told twice then
	}
	for i := range c.Errors {
		f := &c.Errors[i]
		key := errorKey{c.Component, c.Run, f.Kind, f.Type, f.Place}
		x, before := errorSeen{f.Count, f.Time}, s.errs[key]
		s.errs[key] = x
		switch more := x.count - before.count; {
		case more > 0:
			events = append(events, failureEvent(name, f, more))
		case more < 0 && x.last.After(before.last): // a worker began anew, and counts from the start
			events = append(events, failureEvent(name, f, 0))
		}
	}
	return events
}

func restartEvent(at time.Time, name topology.Name, place string, t *api.TaskFigures, n int64) Event {
	e := Event{
		Time: at, Kind: Restart, Topology: string(name), Component: string(t.Component), Task: int(t.Task), Worker: place, Bad: true,
		Text: fmt.Sprintf("the process of %s was started again", topology.TaskName(t.Component, t.Task)),
	}
	if n > 1 {
		e.Count = n
	}
	return e
}

func outcomeEvent(name topology.Name, o *api.Outcome) Event {
	e := Event{Time: o.Ended, Kind: Change, Topology: string(name), Bad: !o.OK}
	if o.OK {
		e.Text = fmt.Sprintf("%s succeeded in %v; no spout ran for %v", o.Kind, o.Took.Round(time.Millisecond), o.Gap.Round(time.Millisecond))
	} else {
		e.Text = fmt.Sprintf("%s did not succeed: %s", o.Kind, o.Why)
	}
	return e
}

func failureEvent(name topology.Name, f *api.Failure, count int64) Event {
	text := f.Message
	if f.Type != "" {
		text = f.Type + ": " + text
	}
	if f.Place != "" {
		text += " (" + f.Place + ")"
	}
	if count == 1 {
		count = 0 // as a field of an event has it
	}
	return Event{
		Time: f.Time, Kind: Failure, Topology: string(name), Component: string(f.Component), Task: int(f.Task), Host: f.Host, Bad: true, Count: count,
		Text: text, Detail: f.Traceback,
	}
}
