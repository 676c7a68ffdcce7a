package worker

import (
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/plainjson"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// DeadTuple is a spout's tuple that was given up.
type DeadTuple struct {
	Time      time.Time
	Topology  topology.Name
	Component topology.ComponentID // the spout
	Stream    topology.StreamID
	Fields    []string
	Values    []any // as multilang decodes them
	Reason    string
	Failed    topology.ComponentID // where the last attempt failed
	Attempts  int
	LastError string
}

// DeadLetters takes the tuples that are given up. It must have stored a tuple
// when Bury returns; an error ends the worker, for the tuple would be lost.
// Bury is called from many goroutines.
type DeadLetters interface {
	Bury(*DeadTuple) error
}

// bury stores a tuple that is given up.
func (w *Worker) bury(d *DeadTuple) {
	if err := w.opts.Dead.Bury(d); err != nil {
		w.fail(fmt.Errorf("dead tuple of %s cannot be stored: %w", d.Component, err))
	}
}

// deadTuple takes a tuple out of what is kept. mu is held.
func (l *ledger) deadTuple(tree acker.Tree, f failure, now time.Time) *DeadTuple {
	k := &l.kept[tree.Frame]
	source := l.t.comp.sources[k.stream]
	d := &DeadTuple{Time: now, Topology: l.w.opts.Topology.Name, Component: source.Component, Stream: source.Stream, Fields: source.Fields,
		Reason: f.cause.String(), Failed: f.component, Attempts: int(tree.Attempts), LastError: f.text}
	for _, c := range k.row(tree.Row) {
		d.Values = append(d.Values, c.Values(1)[0])
	}
	return d
}

// JSONLines is a [DeadLetters] that writes one JSON object a line.
type JSONLines struct {
	mu sync.Mutex
	w  io.Writer
}

// NewJSONLines writes to w, one Write a tuple.
func NewJSONLines(w io.Writer) *JSONLines { return &JSONLines{w: w} }

// Bury writes one line.
func (j *JSONLines) Bury(d *DeadTuple) error {
	line, err := d.MarshalLine()
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.w.Write(line)
	return err
}

// MarshalLine returns the tuple as a line of dead.jsonl. Values that JSON does
// not have are objects with one key: {"$bytes": base64}, {"$float": "nan"},
// {"$time": RFC 3339}, {"$map": [[key, value] …]}; an int beyond 2^53 is {"$int": "…"}.
// A map of the user's with one key that begins with $ is written as a $map, too:
// so an object with one such key is always one of these, and none of the user's.
func (d *DeadTuple) MarshalLine() ([]byte, error) {
	values := map[string]any{}
	for i, f := range d.Fields {
		values[f] = plain(d.Values[i])
	}
	line, err := plainjson.Marshal(struct {
		Time      time.Time      `json:"time"`
		Topology  topology.Name  `json:"topology"`
		Component string         `json:"component"`
		Stream    string         `json:"stream"`
		Values    map[string]any `json:"values"`
		Reason    string         `json:"reason"`
		Failed    string         `json:"failed_in"`
		Attempts  int            `json:"attempts"`
		LastError string         `json:"last_error"`
	}{d.Time, d.Topology, string(d.Component), string(d.Stream), values, d.Reason, string(d.Failed), d.Attempts, d.LastError})
	return append(line, '\n'), err
}

// plain turns a value into what encoding/json writes as MarshalLine says.
func plain(v any) any {
	switch v := v.(type) {
	case int64:
		if v > 1<<53 || v < -1<<53 {
			return map[string]string{"$int": fmt.Sprint(v)}
		}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return map[string]string{"$float": fmt.Sprint(v)}
		}
	case []byte:
		return map[string]string{"$bytes": base64.StdEncoding.EncodeToString(v)}
	case time.Time:
		return map[string]string{"$time": v.Format(time.RFC3339Nano)}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case multilang.Map:
		return plainMap(v)
	}
	return v
}

func plainMap(m multilang.Map) any {
	object := make(map[string]any, len(m))
	pairs := make([][2]any, len(m))
	for i, p := range m {
		pairs[i] = [2]any{plain(p.Key), plain(p.Value)}
		if key, ok := p.Key.(string); ok {
			object[key] = pairs[i][1]
		}
	}
	if len(object) < len(m) || len(m) == 1 && looksEncoded(object) {
		return map[string]any{"$map": pairs}
	}
	return object
}

// looksEncoded tells whether an object of one key could be taken for a value that JSON does not have.
func looksEncoded(object map[string]any) bool {
	for key := range object {
		return strings.HasPrefix(key, "$")
	}
	return false
}
