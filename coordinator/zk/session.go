package zk

import (
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// session is what is known of the session and its connection. It has no clock
// and no lock: the store gives it both.
type session struct {
	id        int64
	timeout   time.Duration // as granted
	connected bool          // the server has accepted session and credentials
	ready     bool          // and everything before the first request is done
	lost      bool          // the server said that it has expired
	since     time.Time     // of the last change of connected
	proof     time.Time     // when the last answered request was sent

	// connection counts the connections; epoch every change that a watcher
	// has to hear of.
	connection, epoch uint64
}

// established notes that a server granted or confirmed the session in answer
// to a request that was sent at sent.
func (s *session) established(now time.Time, id int64, timeout time.Duration, sent time.Time) {
	if s.id != id {
		s.proof = time.Time{}
	}
	s.id, s.timeout, s.lost = id, timeout, false
	s.connected, s.ready = true, false
	s.since = now
	s.connection++
	s.answered(sent)
}

// answered notes that the server has answered a request that was sent at
// sent: it heard of us no earlier than that.
func (s *session) answered(sent time.Time) {
	if sent.After(s.proof) {
		s.proof = sent
	}
}

// opened notes that requests can be sent.
func (s *session) opened() {
	s.ready = true
	s.epoch++
}

// disconnected notes the end of a connection, or of an attempt to make one.
func (s *session) disconnected(now time.Time) {
	if s.connected {
		s.since = now
		s.epoch++
	}
	s.connected, s.ready = false, false
}

// expired notes that the session is over; a new one begins with the next
// connection.
func (s *session) expired() {
	s.lost = true
	s.epoch++
}

// trustedUntil is the moment until which the session cannot have expired. The
// server drops a session after timeout without a sign of life. The last third
// is left for clocks that run apart, and because a member of an ensemble tells
// the leader of its clients' signs of life only every half tick: when it dies
// in between, the leader counts from an earlier one.
func (s *session) trustedUntil() time.Time {
	if s.lost || s.id == 0 {
		return time.Time{}
	}
	return s.proof.Add(s.timeout * 2 / 3)
}

func (s *session) snapshot(now time.Time) coordinator.Session {
	until := s.trustedUntil()
	return coordinator.Session{
		ID:           s.id,
		Connected:    s.ready,
		Trusted:      now.Before(until),
		Timeout:      s.timeout,
		TrustedUntil: until,
		Since:        s.since,
	}
}
