package logview

import (
	"bytes"
	"encoding/json"
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

// filter tells whether a line may be of a component: a quick look, before it is parsed.
type filter struct {
	component topology.ComponentID
	mark      []byte
}

func newFilter(c topology.ComponentID) filter {
	return filter{c, []byte(`"component":"` + string(c) + `"`)}
}

func (f filter) pass(line []byte) bool { return f.component == "" || bytes.Contains(line, f.mark) }

// keep tells the same of a parsed line, for certain.
func (f filter) keep(l api.LogLine) bool { return f.component == "" || l.Component == f.component }
