package tree

import (
	"crypto/subtle"
	"maps"
	"slices"
	"time"
)

// session is a client that may be gone for a while. Its deadline is not part
// of the durable state: after a restart everybody has a whole timeout to come
// back.
type session struct {
	timeout    time.Duration
	password   []byte
	ephemerals map[string]struct{} // paths
	deadline   time.Time
}

// OpenSession begins a session. The id must be random and positive, the
// password unguessable: whoever knows both may take the session over.
func (t *Tree) OpenSession(now time.Time, id int64, timeout time.Duration, password []byte) Outcome {
	txn := Txn{Zxid: t.zxid + 1, Time: millis(now), Changes: []Change{
		{Kind: SessionOpened, Session: id, Timeout: timeout, Data: password},
	}}
	out := t.mustReplay(txn)
	t.sessions[id].deadline = now.Add(timeout)
	return out
}

// CloseSession ends a session and deletes its ephemerals. It reports false if
// there is none.
func (t *Tree) CloseSession(now time.Time, id int64) (Outcome, bool) {
	if t.sessions[id] == nil {
		return Outcome{}, false
	}
	return t.mustReplay(Txn{Zxid: t.zxid + 1, Time: millis(now), Changes: []Change{{Kind: SessionClosed, Session: id}}}), true
}

// Resume tells whether a session lives and the password is its own, and its
// timeout. It counts as a sign of life.
func (t *Tree) Resume(now time.Time, id int64, password []byte) (time.Duration, bool) {
	s := t.sessions[id]
	if s == nil || subtle.ConstantTimeCompare(s.password, password) == 0 {
		return 0, false
	}
	s.deadline = now.Add(s.timeout)
	return s.timeout, true
}

// Touch notes a sign of life. It reports false if there is no such session.
func (t *Tree) Touch(now time.Time, id int64) bool {
	s := t.sessions[id]
	if s != nil {
		s.deadline = now.Add(s.timeout)
	}
	return s != nil
}

// TouchAll gives every session a whole timeout, after a time in which the
// server could hear nobody.
func (t *Tree) TouchAll(now time.Time) {
	for _, s := range t.sessions {
		s.deadline = now.Add(s.timeout)
	}
}

// HasSession tells whether a session lives.
func (t *Tree) HasSession(id int64) bool { return t.sessions[id] != nil }

// Sessions returns the number of sessions.
func (t *Tree) Sessions() int { return len(t.sessions) }

// NextDeadline returns when the next session ends unless there is a sign of
// life, and false if there is no session.
func (t *Tree) NextDeadline() (time.Time, bool) {
	var next time.Time
	for _, s := range t.sessions {
		if next.IsZero() || s.deadline.Before(next) {
			next = s.deadline
		}
	}
	return next, len(t.sessions) > 0
}

// Expired returns the sessions whose time is over, in a fixed order.
func (t *Tree) Expired(now time.Time) []int64 {
	var ids []int64
	for id, s := range t.sessions {
		if s.deadline.Before(now) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *session) paths() []string { return slices.Sorted(maps.Keys(s.ephemerals)) }
