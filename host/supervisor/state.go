package supervisor

import (
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/shells"
)

// phase is where a lane of a slot is in its life.
type phase string

// The phases.
const (
	empty    phase = "empty"    // there is nothing
	fetching phase = "fetching" // its code is on its way
	starting phase = "starting" // a process runs, and has not answered yet
	running  phase = "running"
	stopping phase = "stopping" // it was told to end
	killed   phase = "killed"   // it is being ended
	backoff  phase = "backoff"  // it died, or could not be started, and waits to be started again
)

// state is all there is to know of a lane of a slot.
type state struct {
	phase  phase
	since  time.Time     // of the phase
	has    cluster.RunID // whose worker is there, or is being made ready
	wanted cluster.RunID // whose worker is to be there; zero: nobody's
	began  time.Time     // when the process was started
	heard  time.Time     // when it last answered
	again  time.Time     // in backoff: when to try again
	awake  time.Time     // when the keeper last looked

	restarts shells.Restarts
}

// event is what a keeper has learnt.
type event uint8

// The events.
const (
	looked   event = iota // time has passed, or what is wanted has changed
	fetched               // the code is there
	found                 // a worker is there, that another supervisor has started
	failed                // it is not, or the process could not be started
	answered              // the worker answers
	ended                 // the process, and all it started, is gone
)

// action is what a keeper is to do.
type action uint8

// String words what is done.
func (a action) String() string {
	return [...]string{"", "", "get the code", "start it", "ask it to end", "kill it, and all it started", "forget the slot"}[a]
}

// The actions.
const (
	none  action = iota
	again        // nothing, but look at the state once more
	fetch        // get the code
	start        // start a process
	stop         // ask it to end
	kill         // end it
	leave        // nothing is left to do here
)

// row says what follows in a phase when something holds. Rows are tried in
// order; the first one that holds applies, and if none does nothing happens.
type row struct {
	in   phase
	when func(*input) bool
	do   action
	to   phase
	say  string // when, in words
}

// table is all that can happen. docs/operations.md shows it, and a test compares.
var table = []row{
	{empty, wanted, fetch, fetching, "a worker is wanted"},
	{empty, always, leave, empty, "none is wanted"},
	{fetching, is(found), again, running, "a worker is there already"},
	{fetching, both(either(is(fetched), is(failed)), unwanted), again, empty, "the code is there, or not, and the worker is not wanted any more"},
	{fetching, is(fetched), start, starting, "the code is there"},
	{fetching, is(failed), none, backoff, "the code cannot be had"},
	{starting, both(either(is(ended), is(failed)), unwanted), again, empty, "it has died, and is not wanted any more"},
	{starting, either(is(ended), is(failed)), none, backoff, "it has died, or could not be started"},
	{starting, either(unwanted, late), kill, killed, "it is not wanted any more, or does not answer for 30 s"},
	{starting, is(answered), none, running, "it answers"},
	{running, both(is(ended), unwanted), again, empty, "it has died, and is not wanted any more"},
	{running, is(ended), none, backoff, "it has died"},
	{running, silent, kill, killed, "it is silent for 10 s"},
	{running, unwanted, stop, stopping, "it is not wanted any more"},
	{stopping, is(ended), again, empty, "it has ended"},
	{stopping, either(silent, late), kill, killed, "it is silent for 10 s, or has not ended after 45 s"},
	{killed, both(is(ended), unwanted), again, empty, "it has died, and is not wanted any more"},
	{killed, is(ended), none, backoff, "it has died"},
	{killed, late, kill, killed, "it has not died after 5 s"},
	{backoff, unwanted, again, empty, "it is not wanted any more"},
	{backoff, due, fetch, fetching, "its time has come"},
}

// input is what a row is judged by.
type input struct {
	state
	event  event
	why    string // of failed and ended
	jitter float64
	now    time.Time
	times  Times
}

func always(*input) bool     { return true }
func wanted(i *input) bool   { return i.state.wanted != cluster.RunID{} }
func unwanted(i *input) bool { return i.state.wanted != i.has }
func due(i *input) bool      { return !i.now.Before(i.again) }
func late(i *input) bool     { return !i.now.Before(i.since.Add(i.times.limit(i.phase))) }
func silent(i *input) bool   { return !i.now.Before(i.heard.Add(i.times.Silent)) }

func is(e event) func(*input) bool { return func(i *input) bool { return i.event == e } }
func both(a, b func(*input) bool) func(*input) bool {
	return func(i *input) bool { return a(i) && b(i) }
}
func either(a, b func(*input) bool) func(*input) bool {
	return func(i *input) bool { return a(i) || b(i) }
}

// killEvery is how often a worker is killed that does not die of it: one that is
// stuck in the kernel, or whose guardian has been stopped.
const killEvery = 5 * time.Second

// limit is how long a phase may last.
func (t Times) limit(p phase) time.Duration {
	switch p {
	case starting:
		return t.Start
	case killed:
		return killEvery
	}
	return t.Stop
}

// lived is how long a worker must have lived for its death not to be one of a
// crash loop.
const lived = 30 * time.Second

// overdue is by how much a look may come late before the supervisor has slept:
// it was stopped, or the machine with it.
const overdue = time.Second

// wake leaves out of account what the supervisor has slept: nobody has listened
// meanwhile, and no worker is blamed for that. With a process there is a look every
// times.Ask, so that a gap tells.
func (i *input) wake() {
	slept := i.now.Sub(i.awake) - i.times.Ask
	if !i.awake.IsZero() && slept > overdue {
		i.since = i.since.Add(slept)
		if !i.heard.IsZero() {
			i.heard = i.heard.Add(slept)
		}
	}
	i.awake = i.now
}

// step decides what follows an event: the new state, and what to do.
func step(i input) (state, action) {
	i.wake()
	if i.event == answered || i.event == found {
		i.heard = i.now
	}
	for {
		r := find(&i)
		if r == nil {
			return i.state, none
		}
		i.enter(r.to)
		if r.do != again {
			return i.state, r.do
		}
		i.event = looked
	}
}

func find(i *input) *row {
	for n := range table {
		if table[n].in == i.phase && table[n].when(i) {
			return &table[n]
		}
	}
	return nil
}

// enter goes to a phase.
func (i *input) enter(p phase) {
	switch p {
	case empty:
		i.has, i.restarts = cluster.RunID{}, shells.Restarts{}
	case fetching:
		i.has = i.state.wanted
	case starting:
		i.began, i.heard = i.now, time.Time{}
	case backoff:
		began := i.began
		if began.IsZero() {
			began = i.now // it never came to a process
		}
		i.again = i.restarts.Died(i.now, began, !i.heard.IsZero() && i.now.Sub(began) >= lived, i.why, i.jitter)
	}
	i.phase, i.since = p, i.now
}

// deadline is when to look again at the latest; zero: when something happens.
func (s state) deadline(t Times) time.Time {
	at := s.awake.Add(t.Ask) // to notice a sleep
	switch s.phase {
	case starting:
		return sooner(at, s.since.Add(t.Start))
	case running:
		return sooner(at, s.heard.Add(t.Silent))
	case stopping:
		return sooner(at, sooner(s.heard.Add(t.Silent), s.since.Add(t.Stop)))
	case killed:
		return sooner(at, s.since.Add(killEvery))
	case backoff:
		return s.again
	}
	return time.Time{}
}

func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
