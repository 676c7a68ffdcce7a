package logview

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

// parse reads a line of a worker's log. One that no logger wrote, as that of a
// panic, is text, and counts as written when the one before it was.
func parse(line []byte, before time.Time) api.LogLine {
	if len(line) == 0 || line[0] != '{' {
		return api.LogLine{Time: before, Text: clean(line)}
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber() // an id is not to lose its last digits
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return api.LogLine{Time: before, Text: clean(line)}
	}
	l := api.LogLine{Time: before}
	take := func(key string) string {
		text, ok := all[key].(string)
		if ok {
			delete(all, key)
		}
		return text
	}
	number := func(key string) int {
		n, ok := all[key].(json.Number)
		if i, err := n.Int64(); ok && err == nil {
			delete(all, key)
			return int(i)
		}
		return 0
	}
	if at, err := time.Parse(time.RFC3339Nano, take("time")); err == nil {
		l.Time = at.UTC()
	}
	l.Level, l.Text, l.Logger = take("level"), take("msg"), take("logger")
	l.Component, l.Task = topology.ComponentID(take("component")), topology.TaskID(number("task"))
	l.Run, l.PID = number("run"), number("pid")
	take("topology") // the reader has asked for it
	take("slot")     // the place
	if raw, ok := all["raw"].(bool); ok {
		delete(all, "raw")
		if raw {
			l.Level = ""
		}
	}
	if len(all) > 0 {
		l.More = all
	}
	return l
}

func clean(line []byte) string { return strings.ToValidUTF8(string(line), "\ufffd") }

// filter tells whether a line may be one that is wanted: a quick look, before it
// is parsed, which costs twenty times as much.
type filter struct {
	api.LogQuery
	mark   []byte
	search []byte // in lower case; nil: it takes a closer look
}

// plain matches texts that are the same in JSON, whoever writes it.
var plain = regexp.MustCompile(`^[A-Za-z0-9 _.:;,/=()-]+$`)

// newFilter returns a filter for lines of a host.
func newFilter(q api.LogQuery, host string) filter {
	f := filter{LogQuery: q, mark: []byte(`"component":"` + string(q.Component) + `"`)}
	if plain.MatchString(q.Search) && !strings.Contains(strings.ToLower(host), strings.ToLower(q.Search)) {
		f.search = []byte(strings.ToLower(q.Search))
	}
	return f
}

func (f *filter) pass(line []byte) bool {
	switch {
	case f.Component != "" && !bytes.Contains(line, f.mark):
		return false
	case f.Level != "" && !f.mayBeAtLeast(line):
		return false
	}
	return f.search == nil || bytes.Contains(bytes.ToLower(line), f.search)
}

// levelMark stands before the level, near the beginning of what a logger writes.
var levelMark = []byte(`"level":"`)

func (f *filter) mayBeAtLeast(line []byte) bool {
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	_, after, found := bytes.Cut(line[:min(len(line), 100)], levelMark)
	level, _, ended := bytes.Cut(after, []byte{'"'})
	return !found || !ended || api.AtLeast(string(level), f.Level)
}
