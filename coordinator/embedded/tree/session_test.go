package tree

import (
	"slices"
	"testing"
	"time"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	tree := New(unlimited)
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	tree.OpenSession(at(0), 1, 10*time.Second, []byte("one"))
	tree.OpenSession(at(0), 2, 20*time.Second, []byte("two"))
	commit(t, tree, Caller{Session: 1}, create("/p", ""), ephemeral("/p/e1"), ephemeral("/p/e2"))
	commit(t, tree, Caller{Session: 2}, ephemeral("/p/e3"))

	if next, ok := tree.NextDeadline(); !ok || next != at(10) {
		t.Errorf("next deadline %v, %v", next, ok)
	}
	if got := tree.Expired(at(10)); got != nil {
		t.Errorf("expired at the deadline itself: %v", got)
	}
	if got := tree.Expired(at(11)); !slices.Equal(got, []int64{1}) {
		t.Errorf("expired at 11: %v", got)
	}
	if timeout, ok := tree.Resume(at(5), 1, []byte("one")); !ok || timeout != 10*time.Second {
		t.Errorf("resume: %v %v", timeout, ok)
	}
	if tree.Touch(at(6), 2); tree.Expired(at(15)) != nil {
		t.Error("a sign of life does not count")
	}
	for _, password := range []string{"", "two", "onee"} {
		if _, ok := tree.Resume(at(100), 1, []byte(password)); ok {
			t.Errorf("password %q takes the session over", password)
		}
	}
	if _, ok := tree.Resume(at(100), 3, nil); ok || tree.Touch(at(100), 3) {
		t.Error("an unknown session lives")
	}
	if got := tree.Expired(at(27)); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("expired at 27: %v", got)
	}
	if tree.TouchAll(at(27)); tree.Expired(at(37)) != nil {
		t.Error("after a stall nobody gets a whole timeout")
	}

	out, ok := tree.CloseSession(at(40), 1)
	if !ok || len(out.Events) != 4 {
		t.Errorf("events of two ephemerals: %v", out.Events)
	}
	if names, _, err := tree.Children(Caller{}, "/p"); err != nil || !slices.Equal(names, []string{"e3"}) {
		t.Errorf("left: %v, %v", names, err)
	}
	if _, ok := tree.CloseSession(at(40), 1); ok || tree.Sessions() != 1 {
		t.Error("a session ends twice")
	}
}
