package shells

import (
	"fmt"
	"time"
)

// How a [Judge] looks at a child.
const (
	suspicion   = 250 * time.Millisecond // silence with work at hand that makes it ask for samples
	sampleEvery = time.Second            // then
	blindAfter  = 2 * time.Second        // between two looks: it was us who stood still (stopped, swapped out)
)

// Limits are the three clocks that run against a child. Zero turns one off.
type Limits struct {
	Startup   time.Duration // from its start until it is ready
	Heartbeat time.Duration // without a sign of life
	Process   time.Duration // for one row
}

// Signs is what is known of a child at one moment. A zero time means: not.
type Signs struct {
	Now     time.Time // with a monotonic clock, so that setting the clock ends nobody
	Started time.Time // when the process was started
	Ready   time.Time // when it said that user code is initialised
	Heard   time.Time // when it last wrote anything
	Working time.Time // since when, without a pause, it has had something to do: rows, or a request for rows
	Row     time.Time // since when the row that it has worked on longest is in its hands

	Loaded  bool    // it has said that it will speak our protocol: an SDK is loaded
	Spoke   bool    // it has begun the handshake
	Beats   bool    // it promised to write something every third of Limits.Heartbeat
	Reading bool    // we take what it writes; false holds all clocks but Startup
	Debug   bool    // it runs under a debugger, or is stopped on purpose: no clock runs
	Sample  *Sample // what the system says of it, if Look asked; the zero Sample if it says nothing
}

// Verdict is what a [Judge] thinks of a child.
type Verdict uint8

// The verdicts. All but Fine and Busy end the child.
const (
	Fine           Verdict = iota
	Busy                   // silent for longer than it promised, but it uses CPU time: warn
	Frozen                 // stopped, or silent without using any CPU time
	RowTimeout             // too long at one row
	StartupTimeout         // not ready in time
)

// Judgement is a verdict and its reason.
type Judgement struct {
	Verdict
	Why    string // for all but Fine: a sentence for the user
	Sample bool   // take a [Sample] and look again at once
}

// Judge tells a child that is alive from one that is not. Being alive, making
// progress and starting up are three things with a clock each: a child that
// computes for an hour is busy, one that has nothing to do may sleep for ever, and
// neither is shot. It holds no clock; it is not safe for concurrent use.
// Look at each child about twice a second.
type Judge struct {
	Limits Limits

	last  time.Time // the look before
	floor time.Time // clocks begin no earlier: then we were blind, or in the way

	// Of the silence that lasts; reset by each sign of life.
	sampled time.Time // the sample before; zero = none
	before  Sample
	again   bool      // it is not the first
	still   time.Time // since when no CPU time was used
	stopped time.Time // since when it is in state T; zero = it is not
}

// Look judges a child by its signs.
func (j *Judge) Look(s Signs) Judgement {
	if j.last.IsZero() {
		j.last = s.Now
	}
	blind := s.Now.Sub(j.last) > blindAfter
	j.last = s.Now
	if blind || s.Debug {
		j.pause(s.Now)
	}
	if s.Ready.IsZero() {
		return j.lookAtStart(s)
	}
	if !s.Reading {
		j.pause(s.Now)
	}
	if over := s.Now.Sub(latest(s.Row, j.floor)); !s.Row.IsZero() && reached(over, j.Limits.Process) {
		return Judgement{Verdict: RowTimeout, Why: fmt.Sprintf("it has been at one row for %s, and process_timeout is %s", over.Round(time.Millisecond), j.Limits.Process)}
	}
	if s.Working.IsZero() {
		j.pause(s.Now) // it owes nothing
	}
	quiet := latest(s.Heard, s.Ready, s.Working, j.floor)
	silence := s.Now.Sub(quiet)
	if silence < min(suspicion, j.Limits.Heartbeat/4) || j.Limits.Heartbeat <= 0 {
		j.sampled = time.Time{}
		return Judgement{}
	}
	if s.Sample == nil {
		return Judgement{Sample: j.sampled.IsZero() || s.Now.Sub(j.sampled) >= min(sampleEvery, j.Limits.Heartbeat/4)}
	}
	j.note(s, quiet)
	return j.lookAtSilence(s, silence)
}

// pause starts all clocks anew.
func (j *Judge) pause(now time.Time) {
	j.floor = now
	j.sampled = time.Time{}
}

func (j *Judge) lookAtStart(s Signs) Judgement {
	if age := s.Now.Sub(latest(s.Started, j.floor)); !reached(age, j.Limits.Startup) {
		return Judgement{}
	}
	why := fmt.Sprintf("it was not ready within startup_timeout, %s: ", j.Limits.Startup)
	switch {
	case s.Spoke:
		why += "its initialize, or what the handshake waits for, did not return"
	case s.Loaded:
		why += "the SDK is loaded, and run() has not been called: does the script call run(), or do its imports take so long?"
	case s.Heard.After(s.Started):
		why += "it writes to stdout, but not our handshake: does the script call run(), and is it what the command starts?"
	default:
		why += "it has said nothing: does the script call run(), or do its imports take so long?"
	}
	return Judgement{Verdict: StartupTimeout, Why: why}
}

// note compares the sample with the one before.
func (j *Judge) note(s Signs, quiet time.Time) {
	// The first sample of a silence speaks for its beginning too, if that was just now.
	from := s.Now
	if j.sampled.IsZero() && s.Now.Sub(quiet) <= sampleEvery {
		from = quiet
	}
	// One that could run, but is given no CPU time, is no more to blame than one that uses some.
	if j.sampled.IsZero() || s.Sample.CPU != j.before.CPU || s.Sample.Processes != j.before.Processes || s.Sample.State == 'R' {
		j.still = from
	}
	switch {
	case s.Sample.State != 'T':
		j.stopped = time.Time{}
	case j.sampled.IsZero() || j.before.State != 'T':
		j.stopped = from
	}
	j.again = !j.sampled.IsZero()
	j.sampled, j.before = s.Now, *s.Sample
}

func (j *Judge) lookAtSilence(s Signs, silence time.Duration) Judgement {
	limit := j.Limits.Heartbeat
	switch {
	case s.Sample.State == 't': // a debugger that nobody told us of
		j.pause(s.Now)
	case !j.stopped.IsZero() && s.Now.Sub(j.stopped) >= limit:
		return Judgement{Verdict: Frozen, Why: fmt.Sprintf("it has been stopped (state T, as by SIGSTOP) for %s", limit)}
	case !s.Beats || silence < limit:
	case !j.again: // all of us may have stood still, and it be the next to go on
	case s.Sample.State != 0 && s.Now.Sub(j.still) >= limit:
		return Judgement{Verdict: Frozen, Why: fmt.Sprintf("it has neither said anything nor used any CPU time for %s (heartbeat_timeout): it hangs, on a lock or in a call that does not return", limit)}
	default:
		return Judgement{Verdict: Busy, Why: fmt.Sprintf("it has said nothing for %s, but uses CPU time: its code keeps the interpreter to itself; only process_timeout ends that", silence.Round(time.Second))}
	}
	return Judgement{}
}

// reached tells whether a clock that is on has run out.
func reached(d, limit time.Duration) bool { return limit > 0 && d >= limit }

func latest(times ...time.Time) (t time.Time) {
	for _, u := range times {
		if u.After(t) {
			t = u
		}
	}
	return t
}
