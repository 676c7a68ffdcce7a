package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// LogQuery says which lines are wanted.
type LogQuery struct {
	Topology  topology.Name
	Component topology.ComponentID // empty: all, and the workers' own lines
	Level     string               // of LogLevels: only lines of this level and worse, and none that were printed; empty: all
	Search    string               // only lines that have this in their text, logger, host or other attributes, whatever its case; empty: all
	Since     time.Time            // only lines from then on; zero: all
	Tail      int                  // the last so many lines of each machine; 0: DefaultTail, or, with Since, MaxTail
	Follow    bool                 // then go on with what is written from now on
	FromNow   bool                 // with Follow: nothing that is there already
}

// LogLevels are those that a LogQuery may name, from the least on.
var LogLevels = []string{"trace", "debug", "info", "warn", "error"}

// maxSearch bounds what is searched for, in bytes.
const maxSearch = 1000

// noTail is what is sent for FromNow.
const noTail = "none"

// values is what ParseLogQuery reads.
func (q *LogQuery) values() url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("component", string(q.Component))
	set("level", q.Level)
	set("search", q.Search)
	if !q.Since.IsZero() {
		set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	switch {
	case q.FromNow:
		set("tail", noTail)
	case q.Tail != 0:
		set("tail", strconv.Itoa(q.Tail))
	}
	if q.Follow {
		set("follow", "true")
	}
	return v
}

// ParseLogQuery reads a query of logs. Its errors are CodeInvalid.
func ParseLogQuery(name topology.Name, v url.Values, now time.Time) (q LogQuery, err error) {
	q = LogQuery{Topology: name, Component: topology.ComponentID(v.Get("component")), Level: strings.ToLower(v.Get("level")), Search: v.Get("search"), Follow: v.Get("follow") == "true"}
	if q.Level != "" && !slices.Contains(LogLevels, q.Level) {
		return q, Errorf(CodeInvalid, "there is no log level %.40q: there are %s", q.Level, strings.Join(LogLevels, ", "))
	}
	if len(q.Search) > maxSearch {
		return q, Errorf(CodeInvalid, "search: a text of %d bytes, and the limit is %d", len(q.Search), maxSearch)
	}
	if q.Since, err = ParseSince(v.Get("since"), now); err != nil {
		return q, err
	}
	if v.Get("tail") == noTail {
		q.FromNow = true
		return q, nil
	}
	text := v.Get("tail")
	if (text == "" || text == "0") && !q.Since.IsZero() {
		text = strconv.Itoa(MaxTail)
	}
	q.Tail, err = parseTail(text)
	return q, err
}

// ParseSince reads a time, or how long ago it is, as 10m. Empty: the zero time.
func ParseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, Errorf(CodeInvalid, "since: %.40q is neither a time, as 2006-01-02T15:04:05Z, nor how long ago one was, as 10m", text)
}

// Wants tells whether a line is one of those that are wanted. The component is
// looked at, too; the numbers are not.
func (q *LogQuery) Wants(l *LogLine) bool {
	switch {
	case q.Component != "" && l.Component != q.Component, l.Time.Before(q.Since):
		return false
	case q.Level != "" && !AtLeast(l.Level, q.Level):
		return false
	}
	return q.Search == "" || has(l, strings.ToLower(q.Search))
}

// LeftOut is a line that says that lines since a time are left out before
// those of a time.
func LeftOut(before time.Time, host string) LogLine {
	return LogLine{Time: before, Host: host, Level: "WARN", Text: "(earlier lines are left out: there are too many)"}
}

// AtLeast tells whether a line's level is a given one or worse. What was
// printed, and has none, is not.
func AtLeast(level, least string) bool {
	rank := func(text string) (slog.Level, bool) {
		switch text = strings.ToUpper(text); text {
		case "TRACE":
			text = "DEBUG" // as it is logged
		case "WARNING":
			text = "WARN"
		case "CRITICAL", "FATAL":
			text = "ERROR"
		}
		var l slog.Level
		return l, l.UnmarshalText([]byte(text)) == nil
	}
	is, known := rank(level)
	want, _ := rank(least)
	return known && is >= want
}

func has(l *LogLine, search string) bool {
	for _, text := range []string{l.Text, l.Logger, l.Host} {
		if strings.Contains(strings.ToLower(text), search) {
			return true
		}
	}
	if len(l.More) == 0 {
		return false
	}
	var more bytes.Buffer
	e := json.NewEncoder(&more)
	e.SetEscapeHTML(false)
	return e.Encode(l.More) == nil && strings.Contains(strings.ToLower(more.String()), search)
}

// Resume is what a reader of logs remembers to go on after a break where it was.
// The zero Resume is that of who has read nothing. It is not safe for concurrent use.
type Resume struct {
	latest time.Time
	places map[[2]string]LogLine // the last line of each, without its text
	before map[[2]string]LogLine // likewise, when the last break was
}

// resumeMargin is by how much clocks of machines may differ without a line
// being lost to who resumes.
const resumeMargin = 10 * time.Second

// Break says that lines which were read may come again from now on.
func (r *Resume) Break() { r.before = maps.Clone(r.places) }

// Query is what to ask for in place of q, to go on after a break.
func (r *Resume) Query(q LogQuery) LogQuery {
	r.Break()
	if since := r.latest.Add(-resumeMargin); !r.latest.IsZero() && since.After(q.Since) {
		q.Since, q.Tail, q.FromNow = since, MaxTail, false
	}
	return q
}

// Fresh tells whether a line was not read before the last break, and takes it for read.
func (r *Resume) Fresh(l *LogLine) bool {
	if l.ID == "" {
		return true
	}
	at := [2]string{l.Host, l.Place}
	if was, known := r.before[at]; known && !l.follows(&was) {
		return false
	}
	if last, known := r.places[at]; !known || l.follows(&last) { // lines are in the order of time, not quite that of the file
		if r.places == nil {
			r.places = map[[2]string]LogLine{}
		}
		r.places[at] = LogLine{ID: l.ID, Time: l.Time}
	}
	if l.Time.After(r.latest) {
		r.latest = l.Time
	}
	return true
}

// follows tells whether a line of the same place was written later: in the same
// file by where it is, in another by its time.
func (l *LogLine) follows(o *LogLine) bool {
	file, at, _ := strings.Cut(l.ID, "-")
	before, was, _ := strings.Cut(o.ID, "-")
	if file != before {
		return !l.Time.Before(o.Time)
	}
	return len(at) > len(was) || len(at) == len(was) && at > was
}
