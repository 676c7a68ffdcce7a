package shells

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var limits = Limits{Startup: 60 * time.Second, Heartbeat: 30 * time.Second, Process: 100 * time.Second}

// turn is a verdict that differs from the one before.
type turn struct {
	at      time.Duration // since the child's start
	samples int           // taken so far
	Judgement
}

// play plays a child's life to a Judge, which looks twice a second as an
// engine does, and returns each turn, and one for the end. change makes the
// signs of a moment out of those of a child that has hung since its start.
func play(for_ time.Duration, change func(at time.Duration, s *Signs, sample *Sample)) (verdicts []turn) {
	epoch := time.Unix(1000, 0)
	j := Judge{Limits: limits}
	samples := 0
	for at := time.Duration(0); at <= for_; at += 500 * time.Millisecond {
		s := Signs{
			Now: epoch.Add(at), Started: epoch, Ready: epoch, Heard: epoch, Working: epoch,
			Spoke: true, Beats: true, Reading: true,
		}
		sample := Sample{State: 'S', Processes: 1}
		change(at, &s, &sample)
		got := j.Look(s)
		if got.Sample {
			samples++
			s.Sample = &sample
			got = j.Look(s)
		}
		if got.Sample {
			panic("it asks for a second sample")
		}
		if len(verdicts) == 0 && got.Verdict != Fine || len(verdicts) > 0 && verdicts[len(verdicts)-1].Verdict != got.Verdict {
			verdicts = append(verdicts, turn{at, samples, got})
		}
		if got.Verdict > Busy {
			break
		}
	}
	return append(verdicts, turn{samples: samples})
}

// With a limit below the time between two looks, one look does not end a child:
// the whole machine may have stood still, which goes on a moment later.
func TestD20OneLookEndsNobody(t *testing.T) {
	t.Parallel()
	epoch := time.Unix(1000, 0)
	for _, goesOn := range []bool{true, false} {
		j := Judge{Limits: Limits{Heartbeat: 300 * time.Millisecond}}
		s := Signs{Started: epoch, Ready: epoch, Heard: epoch, Working: epoch, Spoke: true, Beats: true, Reading: true}
		var got []Verdict
		for _, at := range []time.Duration{0, 500 * time.Millisecond, time.Second} {
			if s.Now, s.Sample = epoch.Add(at), nil; goesOn && at == time.Second {
				s.Heard = epoch.Add(at - time.Millisecond)
			}
			verdict := j.Look(s)
			if verdict.Sample {
				s.Sample = &Sample{State: 'S', Processes: 1}
				verdict = j.Look(s)
			}
			got = append(got, verdict.Verdict)
		}
		if want := map[bool][]Verdict{true: {Fine, Fine, Fine}, false: {Fine, Fine, Frozen}}[goesOn]; !slices.Equal(got, want) {
			t.Errorf("goes on %t: %v, want %v", goesOn, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	sec := time.Second
	nothing := func(time.Duration, *Signs, *Sample) {}
	hour := func(at time.Duration) time.Duration { return at / 2 } // CPU time of a busy process
	epoch := time.Unix(1000, 0)
	for _, test := range []struct {
		name    string
		change  func(at time.Duration, s *Signs, sample *Sample)
		at      time.Duration
		verdict Verdict
		why     string
	}{
		{"hangs on a lock", nothing, 30 * sec, Frozen, "CPU"},
		{"beats", func(at time.Duration, s *Signs, _ *Sample) { s.Heard = epoch.Add(at.Truncate(10 * sec)) }, 0, Fine, ""},
		{"D28 computes", func(at time.Duration, s *Signs, p *Sample) { p.CPU = hour(at) }, 30 * sec, Busy, "process_timeout"},
		{"computes without promising beats", func(at time.Duration, s *Signs, p *Sample) { p.CPU, s.Beats = hour(at), false }, 0, Fine, ""},
		{"waits without promising beats", func(at time.Duration, s *Signs, p *Sample) { s.Beats = false }, 0, Fine, ""},
		{"D29 stopped at once", func(at time.Duration, s *Signs, p *Sample) { p.State = 'T' }, 30 * sec, Frozen, "state T"},
		{"stopped without promising beats", func(at time.Duration, s *Signs, p *Sample) { p.State, s.Beats = 'T', false }, 30 * sec, Frozen, "state T"},
		{"D29 stopped while computing", func(at time.Duration, s *Signs, p *Sample) {
			if p.CPU = hour(min(at, 20*sec)); at >= 20*sec {
				p.State = 'T'
			}
		}, 30 * sec, Busy, ""}, // and Frozen at 50.5 s, below
		{"stopped and continued", func(at time.Duration, s *Signs, p *Sample) {
			if p.State = 'T'; at%(20*sec) < sec {
				p.State = 'S'
				p.CPU = at
			}
			s.Beats = false
		}, 0, Fine, ""},
		{"a grandchild computes", func(at time.Duration, s *Signs, p *Sample) { p.Processes = 1 + int(at/sec)%2 }, 30 * sec, Busy, ""},
		{"D20 starved of CPU time", func(at time.Duration, s *Signs, p *Sample) { p.State = 'R' }, 30 * sec, Busy, ""},
		{"D32 idle, or without credit", func(at time.Duration, s *Signs, p *Sample) { s.Working = time.Time{} }, 0, Fine, ""},
		{"D32 work comes late", func(at time.Duration, s *Signs, p *Sample) {
			if s.Working = epoch.Add(1000 * sec); at < 1000*sec {
				s.Working = time.Time{}
			}
		}, 1030 * sec, Frozen, ""},
		{"a debugger we know of", func(at time.Duration, s *Signs, p *Sample) { s.Debug, p.State = true, 'T' }, 0, Fine, ""},
		{"a debugger we find", func(at time.Duration, s *Signs, p *Sample) { p.State = 't' }, 0, Fine, ""},
		{"we do not read", func(at time.Duration, s *Signs, p *Sample) { s.Reading, s.Row = false, epoch }, 0, Fine, ""},
		{"we read again", func(at time.Duration, s *Signs, p *Sample) { s.Reading = at >= 100*sec }, 129500 * time.Millisecond, Frozen, ""},
		{"no way to sample", func(at time.Duration, s *Signs, p *Sample) { *p = Sample{} }, 30 * sec, Busy, ""},
		{"at one row", func(at time.Duration, s *Signs, p *Sample) { s.Row, s.Heard = epoch.Add(5*sec), epoch.Add(at) }, 105 * sec, RowTimeout, "1m40s"},
		{"row after row", func(at time.Duration, s *Signs, p *Sample) {
			s.Row, s.Heard = epoch.Add(at.Truncate(99*sec)), epoch.Add(at)
		}, 0, Fine, ""},
		{"D19 says nothing", func(at time.Duration, s *Signs, p *Sample) { s.Ready, s.Spoke = time.Time{}, false }, 60 * sec, StartupTimeout, "it has said nothing"},
		{"D19 does not call run", func(at time.Duration, s *Signs, p *Sample) {
			s.Ready, s.Spoke, s.Loaded, s.Heard = time.Time{}, false, true, epoch.Add(sec)
		}, 60 * sec, StartupTimeout, "the SDK is loaded, and run() has not been called"},
		{"D19 prints", func(at time.Duration, s *Signs, p *Sample) {
			s.Ready, s.Spoke, s.Heard = time.Time{}, false, epoch.Add(at)
		}, 60 * sec, StartupTimeout, "it writes to stdout, but not our handshake"},
		{"slow to initialize", func(at time.Duration, s *Signs, p *Sample) { s.Ready = time.Time{} }, 60 * sec, StartupTimeout, "initialize"},
		{"D20 ready just in time", func(at time.Duration, s *Signs, p *Sample) {
			if s.Ready, s.Heard = epoch.Add(59*sec), epoch.Add(59*sec); at < 59*sec {
				s.Ready, s.Heard = time.Time{}, epoch
			}
		}, 89 * sec, Frozen, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := play(3000*time.Second, test.change)[0]
			if late := got.at - test.at; got.Verdict != test.verdict || late < 0 || late >= sec || !strings.Contains(got.Why, test.why) {
				t.Errorf("at %s: %d %q, want at %s: %d %q", got.at, got.Verdict, got.Why, test.at, test.verdict, test.why)
			}
		})
	}
}

// A stop in the middle of work is found within the limit and a second.
func TestD29StoppedWhileComputing(t *testing.T) {
	t.Parallel()
	stop := 47300 * time.Millisecond
	got := play(3000*time.Second, func(at time.Duration, s *Signs, p *Sample) {
		if p.CPU = min(at, stop); at >= stop {
			p.State = 'T'
		}
	})
	last := got[len(got)-2]
	if late := last.at - stop - limits.Heartbeat; last.Verdict != Frozen || late < 0 || late > time.Second+500*time.Millisecond {
		t.Errorf("%+v", got)
	}
}

// A judge that did not look for a while (we were stopped, or starved) does not take the
// silence for the child's.
func TestJudgeForgivesItsOwnAbsence(t *testing.T) {
	t.Parallel()
	epoch := time.Unix(1000, 0)
	j := Judge{Limits: limits}
	s := Signs{Now: epoch, Started: epoch, Ready: epoch, Heard: epoch, Working: epoch, Row: epoch, Beats: true, Reading: true}
	j.Look(s)
	for _, at := range []time.Duration{time.Hour, time.Hour + time.Second} {
		s.Now, s.Sample = epoch.Add(at), nil
		got := j.Look(s)
		if got.Sample {
			s.Sample = &Sample{State: 'S'}
			got = j.Look(s)
		}
		if got.Verdict != Fine {
			t.Errorf("after %s: %+v", at, got)
		}
	}
}

// Watching must cost nothing while all is well, and little when it is not.
func TestJudgeSamplesRarely(t *testing.T) {
	t.Parallel()
	epoch := time.Unix(1000, 0)
	if got := play(1000*time.Second, func(at time.Duration, s *Signs, _ *Sample) { s.Heard = epoch.Add(at - 200*time.Millisecond) }); got[0].samples != 0 {
		t.Errorf("%d samples of a child that writes", got[0].samples)
	}
	if got := play(1000*time.Second, func(at time.Duration, s *Signs, p *Sample) { p.CPU, s.Beats = at, false }); got[0].samples > 1001 {
		t.Errorf("%d samples of a silent child in 1000 s", got[0].samples)
	}
}
