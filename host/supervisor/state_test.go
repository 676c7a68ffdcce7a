package supervisor

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/polybolt/polybolt/host/cluster"
)

var (
	start0 = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	runA   = cluster.RunID{Topology: "words", Number: 1}
	runB   = cluster.RunID{Topology: "words", Number: 2}
	nobody = cluster.RunID{}
	times  = Times{Start: 30 * time.Second, Silent: 10 * time.Second, Ask: 2 * time.Second, Stop: 45 * time.Second}
)

func TestStep(t *testing.T) {
	t.Parallel()
	at := start0.Add
	for _, c := range []struct {
		name  string
		from  state
		event event
		now   time.Time
		do    action
		to    phase
		has   cluster.RunID
	}{
		{"somebody is wanted", state{phase: empty, wanted: runA}, looked, start0, fetch, fetching, runA},
		{"nobody is wanted", state{phase: empty}, looked, start0, leave, empty, nobody},
		{"the code is there", state{phase: fetching, has: runA, wanted: runA}, fetched, start0, start, starting, runA},
		{"the code is not there", state{phase: fetching, has: runA, wanted: runA}, failed, start0, none, backoff, runA},
		{"the code is there, and nobody wants it any more", state{phase: fetching, has: runA}, fetched, start0, leave, empty, nobody},
		{"the code is there, and another is wanted", state{phase: fetching, has: runA, wanted: runB}, fetched, start0, fetch, fetching, runB},
		{"there was a worker already", state{phase: fetching, has: runA, wanted: runA}, found, start0, none, running, runA},
		{"there was another's worker", state{phase: fetching, has: runB, wanted: runA}, found, start0, stop, stopping, runB},
		{"unwanted while the code comes: it is waited for", state{phase: fetching, has: runA}, looked, start0, none, fetching, runA},
		{"a worker answers", state{phase: starting, has: runA, wanted: runA, since: start0}, answered, at(time.Second), none, running, runA},
		{"a worker could not be started", state{phase: starting, has: runA, wanted: runA, since: start0}, failed, start0, none, backoff, runA},
		{"a worker dies before it answers", state{phase: starting, has: runA, wanted: runA, since: start0}, ended, start0, none, backoff, runA},
		{"a worker never answers", state{phase: starting, has: runA, wanted: runA, since: start0}, looked, at(30 * time.Second), kill, killed, runA},
		{"a worker has not answered yet", state{phase: starting, has: runA, wanted: runA, since: start0}, looked, at(30*time.Second - 1), none, starting, runA},
		{"unwanted before it answers", state{phase: starting, has: runA, since: start0}, looked, start0, kill, killed, runA},
		{"a worker dies", state{phase: running, has: runA, wanted: runA, heard: start0}, ended, start0, none, backoff, runA},
		{"an unwanted worker dies", state{phase: running, has: runA, heard: start0}, ended, start0, leave, empty, nobody},
		{"a worker dies as another is wanted", state{phase: running, has: runA, wanted: runB, heard: start0}, ended, start0, fetch, fetching, runB},
		{"a worker is silent", state{phase: running, has: runA, wanted: runA, heard: start0}, looked, at(10 * time.Second), kill, killed, runA},
		{"a worker is told to end", state{phase: running, has: runA, heard: start0}, looked, start0, stop, stopping, runA},
		{"a worker gives way to another", state{phase: running, has: runA, wanted: runB, heard: start0}, looked, start0, stop, stopping, runA},
		{"it has ended", state{phase: stopping, has: runA, heard: start0, since: start0}, ended, start0, leave, empty, nobody},
		{"it has ended, and is wanted again", state{phase: stopping, has: runA, wanted: runA, heard: start0, since: start0}, ended, start0, fetch, fetching, runA},
		{"it does not end", state{phase: stopping, has: runA, heard: at(44 * time.Second), since: start0}, looked, at(45 * time.Second), kill, killed, runA},
		{"it falls silent as it ends", state{phase: stopping, has: runA, heard: start0, since: start0}, looked, at(10 * time.Second), kill, killed, runA},
		{"it was killed", state{phase: killed, has: runA, since: start0}, ended, start0, leave, empty, nobody},
		{"it was killed for its silence", state{phase: killed, has: runA, wanted: runA, since: start0}, ended, start0, none, backoff, runA},
		{"it does not die of it", state{phase: killed, has: runA, wanted: runA, since: start0}, looked, at(killEvery), kill, killed, runA},
		{"its time has come", state{phase: backoff, has: runA, wanted: runA, again: start0}, looked, start0, fetch, fetching, runA},
		{"its time has not come", state{phase: backoff, has: runA, wanted: runA, again: at(1)}, looked, start0, none, backoff, runA},
		{"nobody waits for it", state{phase: backoff, has: runA, again: at(time.Hour)}, looked, start0, leave, empty, nobody},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, do := step(input{state: c.from, event: c.event, now: c.now, times: times})
			if do != c.do || got.phase != c.to || got.has != c.has {
				t.Errorf("action %d, phase %s, has %s; want %d, %s, %s", do, got.phase, got.has, c.do, c.to, c.has)
			}
		})
	}
}

// However long a supervisor was stopped: it does not end a worker for that it has
// not listened. A worker that goes on being silent is ended in the end.
func TestSleepIsNoSilence(t *testing.T) {
	t.Parallel()
	for _, from := range []state{
		{phase: starting, has: runA, wanted: runA, since: start0},
		{phase: running, has: runA, wanted: runA, since: start0, heard: start0},
		{phase: stopping, has: runA, since: start0, heard: start0},
	} {
		for slept := time.Duration(0); slept < time.Minute; slept += 100 * time.Millisecond {
			s, now := from, start0
			look := func(after time.Duration) (do action) {
				now = now.Add(after)
				s, do = step(input{state: s, event: looked, now: now, times: times})
				return do
			}
			look(0)
			look(times.Ask)
			if do := look(slept); do != none {
				t.Fatalf("%s: it %ss the worker after a sleep of %v", from.phase, do, slept)
			}
			listened := time.Duration(0)
			for do := none; do != kill; listened += times.Ask {
				if do = look(times.Ask); listened > times.Start+times.Stop {
					t.Fatalf("%s: after a sleep of %v the worker is never ended", from.phase, slept)
				}
			}
			if from.phase == running && listened < times.Silent-2*times.Ask-overdue {
				t.Errorf("a silent worker is ended after %v, and a sleep of %v", listened, slept)
			}
		}
	}
}

// The waits of a worker that dies at once grow, and one that lived starts anew at once.
func TestBackoff(t *testing.T) {
	t.Parallel()
	now := start0
	s := state{phase: backoff, wanted: runA, has: runA}
	var waits []time.Duration
	for range 9 {
		s.phase, s.again = backoff, now
		for _, e := range []event{looked, fetched, ended} {
			s, _ = step(input{state: s, event: e, why: "it fell over", now: now, times: times})
		}
		if s.phase != backoff {
			t.Fatalf("phase %s", s.phase)
		}
		waits = append(waits, s.again.Sub(now))
		now = s.again
	}
	want := []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Error(diff)
	}
	for _, e := range []event{looked, fetched, answered} {
		s, _ = step(input{state: s, event: e, now: now, times: times})
	}
	now = now.Add(lived)
	s, _ = step(input{state: s, event: ended, now: now, times: times})
	if s.again != now || s.restarts.Loop != 0 {
		t.Errorf("after %v of life it waits %v", lived, s.again.Sub(now))
	}
}

// world is what a lane of a slot stands in, for a test: it makes only such
// events as can be, and knows what must never be done.
type world struct {
	state
	now   time.Time
	alive bool
	get   bool // code is on its way
}

func (w *world) send(t *rapid.T, e event) (left bool) {
	var do action
	if e == ended {
		w.alive = false
	}
	if e == found {
		w.alive = true
	}
	if e == fetched || e == failed || e == found {
		w.get = false
	}
	before := w.state
	w.state, do = step(input{state: w.state, event: e, now: w.now, times: times})
	again, same := step(input{state: before, event: e, now: w.now, times: times})
	if do != same || !cmp.Equal(w.state, again, cmp.AllowUnexported(state{}, w.state.restarts)) {
		t.Fatal("the same leads to something else")
	}
	switch do {
	case fetch:
		if w.alive || w.get || w.state.wanted == nobody || w.has != w.state.wanted {
			t.Fatalf("fetches for %s in %+v", w.has, w)
		}
		w.get = true
	case start:
		if w.alive || w.has != w.state.wanted {
			t.Fatalf("starts in %+v", w)
		}
		w.alive = true
	case stop, kill:
		if !w.alive {
			t.Fatalf("ends nobody in %+v", w)
		}
	case leave:
		if w.alive || w.get || w.state.wanted != nobody {
			t.Fatalf("leaves in %+v", w)
		}
		return true
	}
	process := map[phase]bool{starting: true, running: true, stopping: true, killed: true}[w.phase]
	if process != w.alive || (w.phase == fetching) != w.get {
		t.Fatalf("phase %s, alive %t, fetching %t", w.phase, w.alive, w.get)
	}
	if at := w.deadline(times); !at.IsZero() && !at.After(w.now) && w.phase != backoff {
		t.Fatalf("in phase %s it looks again at once", w.phase) // and again, and again
	}
	return false
}

// events lists what can happen now.
func (w *world) events() []event {
	list := []event{looked}
	if w.get {
		list = append(list, fetched, failed, found)
	}
	if w.alive {
		list = append(list, ended)
		if w.phase != killed {
			list = append(list, answered)
		}
	}
	return list
}

// Whatever happens, in whatever order: there is one process at most, none is
// started that nobody wants, and whoever is unwanted comes to an end even if it never says anything.
func TestStepProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{state: state{phase: empty, wanted: runA}, now: start0}
		w.send(t, looked)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "ms")) * time.Millisecond)
			if rapid.IntRange(0, 3).Draw(t, "turn") == 0 {
				w.state.wanted = rapid.SampledFrom([]cluster.RunID{runA, runB, nobody}).Draw(t, "wanted")
			}
			if left := w.send(t, rapid.SampledFrom(w.events()).Draw(t, "event")); left {
				w.state = state{phase: empty, wanted: runA}
				w.send(t, looked)
			}
		}
		// Nobody is wanted any more, and nothing answers: it ends by time and kills alone.
		w.state.wanted = nobody
		left := w.send(t, looked)
		for n := 0; !left; n++ {
			if n > 10 {
				t.Fatalf("it does not come to an end: %+v", w)
			}
			switch {
			case w.get:
				left = w.send(t, failed)
			case w.phase == killed:
				left = w.send(t, ended)
			default:
				w.now = w.deadline(times)
				left = w.send(t, looked)
			}
		}
	})
}
