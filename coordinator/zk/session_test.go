package zk

import (
	"testing"
	"time"
)

// Trust is counted from the sending of the last request that was answered, not
// from the answer: the server may have waited in between.
func TestTrust(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Unix(1_000_000, 0).Add(time.Duration(seconds) * time.Second) }
	trusted := func(s *session, seconds int) bool { return s.snapshot(at(seconds)).Trusted }

	var s session
	if trusted(&s, 0) {
		t.Error("trusted before there is a session")
	}
	s.established(at(8), 1, 9*time.Second, at(3))
	if !trusted(&s, 8) || trusted(&s, 9) {
		t.Error("a session granted for 9 s, asked for at 3, must be trusted until 9")
	}
	s.answered(at(6))
	s.answered(at(5)) // an older request answered later
	s.answered(time.Time{})
	if !trusted(&s, 11) || trusted(&s, 12) {
		t.Error("an answered request of 6 must extend trust until 12")
	}
	s.disconnected(at(7))
	if !trusted(&s, 11) {
		t.Error("a lost connection ends trust before its time")
	}
	if got := s.snapshot(at(8)); got.Connected || got.Since != at(7) {
		t.Errorf("disconnected at 7: %+v", got)
	}
	s.expired()
	if trusted(&s, 8) {
		t.Error("an expired session is trusted")
	}
	s.established(at(10), 2, 9*time.Second, at(9))
	if got := s.snapshot(at(11)); !got.Trusted || got.ID != 2 || got.Connected || got.Since != at(10) {
		t.Errorf("a new session: %+v", got)
	}
	if s.opened(); !s.snapshot(at(11)).Connected {
		t.Error("not connected when ready")
	}
}

// The proof of an old session says nothing of a new one.
func TestNewSessionStartsWithoutProof(t *testing.T) {
	t.Parallel()
	base := time.Unix(1_000_000, 0)
	var s session
	s.established(base, 1, time.Second, base)
	s.answered(base.Add(time.Hour))
	s.established(base.Add(2*time.Second), 2, time.Second, base.Add(time.Second))
	if want := base.Add(time.Second + 2*time.Second/3); s.trustedUntil().Sub(want).Abs() > time.Millisecond {
		t.Errorf("trusted until %v, want %v", s.trustedUntil(), want)
	}
}

func TestEpochTellsWhatWatchersMustHear(t *testing.T) {
	t.Parallel()
	var s session
	now := time.Unix(1_000_000, 0)
	for _, step := range []struct {
		name string
		do   func()
		told bool
	}{
		{"an attempt that fails", func() { s.disconnected(now) }, false},
		{"the handshake", func() { s.established(now, 1, time.Second, now) }, false},
		{"ready", func() { s.opened() }, true},
		{"lost", func() { s.disconnected(now) }, true},
		{"still lost", func() { s.disconnected(now) }, false},
		{"expired", func() { s.expired() }, true},
	} {
		before := s.epoch
		if step.do(); (s.epoch != before) != step.told {
			t.Errorf("%s: epoch %d → %d", step.name, before, s.epoch)
		}
	}
}
