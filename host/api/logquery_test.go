package api

import (
	"testing"
	"time"
)

// Who goes on after a break sees each line once: those of a place by where they
// are in the file, whatever the order was in which they came.
func TestResume(t *testing.T) {
	t.Parallel()
	at := func(place, id string, second int) *LogLine {
		return &LogLine{Host: "h", Place: place, ID: id, Time: time.Unix(1_900_000_000+int64(second), 0)}
	}
	var r Resume
	q := LogQuery{Topology: "t", Tail: 5, Follow: true}
	if got := r.Query(q); got != q {
		t.Errorf("at first: %+v", got)
	}
	for _, l := range []*LogLine{at("0.0", "f-9", 20), at("0.0", "f-10", 20), at("1.0", "f-b", 21), at("1.0", "f-a", 22), {Text: "a machine is lost"}} {
		if !r.Fresh(l) {
			t.Errorf("%+v is lost at first", l)
		}
	}
	if got := r.Query(q); got.Tail != MaxTail || !got.Since.Equal(time.Unix(1_900_000_012, 0)) || !got.Follow {
		t.Errorf("then: %+v", got)
	}
	for _, c := range []struct {
		l     *LogLine
		fresh bool
	}{
		{at("0.0", "f-9", 20), false},
		{at("0.0", "f-10", 20), false},
		{at("0.0", "f-11", 20), true},
		{at("0.0", "g-0", 21), true}, // the file was rotated
		{at("0.0", "e-5", 19), false},
		{at("1.0", "f-a", 22), false},
		{at("1.0", "f-b", 21), false},
		{at("1.0", "f-c", 21), true},
		{at("2.0", "f-1", 1), true},
		{&LogLine{Text: "a machine is lost"}, true},
	} {
		if got := r.Fresh(c.l); got != c.fresh {
			t.Errorf("%s %s: %v", c.l.Place, c.l.ID, got)
		}
	}
}

func TestParseLogQuery(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_900_000_000, 0).UTC()
	for _, q := range []LogQuery{
		{Topology: "t", Tail: DefaultTail},
		{Topology: "t", Component: "c", Level: "warn", Search: "a & b", Since: now.Add(-time.Nanosecond), Tail: 7, Follow: true},
		{Topology: "t", Follow: true, FromNow: true},
	} {
		if got, err := ParseLogQuery("t", q.values(), now); err != nil || got != q {
			t.Errorf("%+v, %v, and not %+v", got, err, q)
		}
	}
	if q, err := ParseLogQuery("t", map[string][]string{"since": {"10m"}}, now); err != nil || !q.Since.Equal(now.Add(-10*time.Minute)) || q.Tail != MaxTail {
		t.Errorf("%+v, %v", q, err)
	}
	for _, v := range []map[string][]string{{"since": {"yesterday"}}, {"since": {"-1m"}}, {"level": {"loud"}}, {"tail": {"-1"}}, {"tail": {"10001"}}, {"search": {string(make([]byte, 1001))}}} {
		if _, err := ParseLogQuery("t", v, now); codeOf(err) != CodeInvalid {
			t.Errorf("%v: %v", v, err)
		}
	}
}
