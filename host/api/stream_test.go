package api

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// Streams arrive line by line, also by way of another nimbus; one that is
// followed comes as it is written, and ends when the client has enough.
func TestStreams(t *testing.T) {
	t.Parallel()
	r, leaderURL, _ := serve(t, here)
	_, standbyURL, _ := serve(t, func() (string, error) { return leaderURL, nil })
	for _, url := range []string{leaderURL, standbyURL} {
		c := connect(t, testToken, url)
		var got []string
		q := LogQuery{Topology: "t", Component: "c", Tail: 7}
		if err := c.Logs(t.Context(), q, func(l LogLine) error { got = append(got, l.Text); return nil }); err != nil || !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("%v, %v", got, err)
		}
		enough := errors.New("enough")
		q.Follow = true
		if err := c.Logs(t.Context(), q, func(l LogLine) error {
			if l.Text == "two" {
				return enough
			}
			return nil
		}); !errors.Is(err, enough) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		if err := c.Logs(ctx, q, func(l LogLine) error { cancel(enough); return nil }); !errors.Is(err, enough) {
			t.Error(err)
		}
		if err := c.Dead(t.Context(), "t", 3, func(d DeadTuple) error { got = append(got, string(d.Tuple)); return nil }); err != nil || got[len(got)-1] != `{"a":1}` {
			t.Errorf("%v, %v", got, err)
		}
		want := []string{"logs {Topology:t Component:c Level: Search: Since:0001-01-01 00:00:00 +0000 UTC Tail:7 Follow:false FromNow:false}", "logs {Topology:t Component:c Level: Search: Since:0001-01-01 00:00:00 +0000 UTC Tail:7 Follow:true FromNow:false}", "logs {Topology:t Component:c Level: Search: Since:0001-01-01 00:00:00 +0000 UTC Tail:7 Follow:true FromNow:false}", "dead t 3"}
		if calls := r.take(); !slices.Equal(calls, want) {
			t.Errorf("%q", calls)
		}
		var e *Error
		if err := c.Dead(t.Context(), "t", MaxTail+1, nil); !errors.As(err, &e) || e.Code != CodeInvalid {
			t.Error(err)
		}
		r.err = Errorf(CodeRefused, "no log server is there")
		if err := c.Logs(t.Context(), q, nil); !errors.As(err, &e) || e.Code != CodeRefused {
			t.Error(err)
		}
		r.err = nil
		r.take()
	}
}
