package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/filter"
	"github.com/polybolt/polybolt/host/topology"
)

// Prober is a second power of a [Service]: to look into running components.
// Its methods may be called concurrently. A handler whose service lacks it
// answers CodeNotFound.
type Prober interface {
	// Tap calls f with tuples as they pass, as far as that slows nobody down,
	// and with what it counts. It goes on until the limit or the time of q is
	// reached, ctx ends, or f returns an error, which it returns.
	// CodeNotFound, CodeInvalid.
	Tap(ctx context.Context, q TapQuery, f func(TapEvent) error) error

	// Stacks returns where the children of a component are; task 0 stands for
	// all of them. CodeNotFound, CodeInvalid.
	Stacks(ctx context.Context, name topology.Name, component topology.ComponentID, task topology.TaskID) ([]Stacks, error)
}

// TapQuery says which tuples a tap is to show.
type TapQuery struct {
	Topology topology.Name
	From     topology.ComponentID // whose emits
	Stream   topology.StreamID    // empty: all
	To       topology.ComponentID // only what goes there; empty: all
	Where    string               // a condition, in the language of package filter; empty: none
	Sample   float64              // the share of tuples that is looked at; 0: all
	Fields   []string             // to be shown; none: all
	Limit    int                  // tuples after which it ends; 0: none
	For      time.Duration        // after which it ends; 0: never
}

// TapEvent is one of three things that a tap tells.
type TapEvent struct {
	Tuple  *TapTuple  `json:"tuple,omitempty"`
	Counts *TapCounts `json:"counts,omitempty"` // of all workers together: about every second, when they have changed, and at the end
	Lost   string     `json:"lost,omitempty"`   // what cannot be seen, and why
}

// TapTuple is a tuple as it passed.
type TapTuple struct {
	Time      time.Time            `json:"time"`
	Place     string               `json:"place"` // of the worker
	Component topology.ComponentID `json:"component"`
	Task      topology.TaskID      `json:"task"`
	Stream    topology.StreamID    `json:"stream"`
	Values    json.RawMessage      `json:"values"` // an object, in the order of the fields; in the form of dead.jsonl, long texts cut
}

// TapCounts are a tap's counts since it began.
type TapCounts struct {
	Passed  int64 `json:"passed"`  // tuples
	Looked  int64 `json:"looked"`  // those of the sample that were looked at
	Matched int64 `json:"matched"` // of these, what met the condition
	Dropped int64 `json:"dropped"` // of the sample: no time to look at it, or no room for it
}

// TapBatch is what a worker tells nimbus of a tap, in one line.
type TapBatch struct {
	Tuples []TapTuple `json:"tuples,omitempty"`
	Counts TapCounts  `json:"counts"`
}

// Add adds other counts.
func (c *TapCounts) Add(o TapCounts) {
	c.Passed, c.Looked, c.Matched, c.Dropped = c.Passed+o.Passed, c.Looked+o.Looked, c.Matched+o.Matched, c.Dropped+o.Dropped
}

// arrow stands between the two ends of an edge.
const arrow = "->"

// ParseEdge reads what to tap: FROM, FROM:STREAM, FROM->TO or FROM:STREAM->TO.
func (q *TapQuery) ParseEdge(text string) error {
	from, to, isEdge := strings.Cut(strings.ReplaceAll(text, "→", arrow), arrow)
	name, id, hasStream := strings.Cut(strings.TrimSpace(from), ":")
	q.From, q.Stream, q.To = topology.ComponentID(name), topology.StreamID(id), topology.ComponentID(strings.TrimSpace(to))
	if q.From == "" || isEdge && q.To == "" || hasStream && q.Stream == "" {
		return Errorf(CodeInvalid, "%.100q is no edge: write 'FROM->TO', or FROM for all that it emits; FROM:STREAM for one of its streams", text)
	}
	return nil
}

// edge is what ParseEdge reads.
func (q *TapQuery) edge() string {
	text := string(q.From)
	if q.Stream != "" {
		text += ":" + string(q.Stream)
	}
	if q.To != "" {
		text += arrow + string(q.To)
	}
	return text
}

// Check tells what a query asks for that a topology does not have, as an *[Error].
func (q *TapQuery) Check(t *topology.Topology) error {
	if err := q.checkNumbers(); err != nil {
		return err
	}
	c := t.Component(q.From)
	if c == nil {
		return Errorf(CodeInvalid, "%s has no component %.64q: there are %s", t.Name, string(q.From), names(t.Components, func(c *topology.Component) string { return string(c.ID) }))
	}
	if q.Stream != "" && c.Output(q.Stream) == nil {
		return Errorf(CodeInvalid, "%s has no stream %.64q: there are %s", c.ID, string(q.Stream), streams(c))
	}
	if q.To != "" {
		to := t.Component(q.To)
		if to == nil {
			return Errorf(CodeInvalid, "%s has no component %.64q", t.Name, string(q.To))
		}
		if !slices.ContainsFunc(c.Outputs, func(s topology.Stream) bool { return q.takes(t, s.ID) }) {
			return Errorf(CodeInvalid, "%s does not read from %s", q.To, strings.TrimSuffix(q.edge(), arrow+string(q.To)))
		}
	}
	condition, err := q.Condition()
	if err != nil {
		return err
	}
	var fields []string
	for _, s := range c.Outputs {
		if q.takes(t, s.ID) {
			fields = append(fields, s.Fields...)
		}
	}
	wanted := slices.Clone(q.Fields)
	if condition != nil {
		wanted = append(wanted, condition.Fields()...)
	}
	for _, f := range wanted {
		if !slices.Contains(fields, f) {
			return Errorf(CodeInvalid, "what %s emits has no field %.64q: there are %s", c.ID, f, strings.Join(fields, ", "))
		}
	}
	return nil
}

// takes tells whether a stream of the component is tapped.
func (q *TapQuery) takes(t *topology.Topology, id topology.StreamID) bool {
	if q.Stream != "" && q.Stream != id {
		return false
	}
	return q.To == "" || slices.ContainsFunc(t.Component(q.To).Inputs, func(in topology.Input) bool { return in.From == q.From && in.Stream == id })
}

func (q *TapQuery) checkNumbers() error {
	switch {
	case !(q.Sample >= 0 && q.Sample <= 1):
		return Errorf(CodeInvalid, "the sample must be above 0%%, up to 100%%")
	case q.Limit < 0:
		return Errorf(CodeInvalid, "the limit is %d: it must not be negative", q.Limit)
	case q.For < 0:
		return Errorf(CodeInvalid, "the time is %v: it must not be negative", q.For)
	}
	return nil
}

// Condition parses the condition; nil if there is none. An error is an *[Error].
func (q *TapQuery) Condition() (*filter.Condition, error) {
	if strings.TrimSpace(q.Where) == "" {
		return nil, nil
	}
	c, err := filter.Parse(q.Where)
	if err != nil {
		return nil, Errorf(CodeInvalid, "where: %v", err)
	}
	return c, nil
}

func streams(c *topology.Component) string {
	return names(c.Outputs, func(s topology.Stream) string { return string(s.ID) })
}

func names[T any](list []T, name func(T) string) string {
	var all []string
	for _, x := range list {
		all = append(all, name(x))
	}
	return strings.Join(all, ", ")
}

// Encode returns the query as [ParseTapQuery] reads it.
func (q *TapQuery) Encode() string {
	v := url.Values{"edge": {q.edge()}}
	if q.Where != "" {
		v.Set("where", q.Where)
	}
	if q.Sample != 0 {
		v.Set("sample", strconv.FormatFloat(q.Sample, 'g', -1, 64))
	}
	if len(q.Fields) > 0 {
		v["field"] = q.Fields
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.For != 0 {
		v.Set("for", q.For.String())
	}
	return v.Encode()
}

// ParseTapQuery reads a query about a topology. An error is an *[Error].
func ParseTapQuery(name topology.Name, v url.Values) (q TapQuery, err error) {
	q = TapQuery{Topology: name, Where: v.Get("where"), Fields: v["field"]}
	if err := q.ParseEdge(v.Get("edge")); err != nil {
		return q, err
	}
	if s := v.Get("sample"); s != "" {
		if q.Sample, err = strconv.ParseFloat(s, 64); err != nil || q.Sample == 0 {
			return q, Errorf(CodeInvalid, "sample: write a number above 0, up to 1")
		}
	}
	if s := v.Get("limit"); s != "" {
		if q.Limit, err = strconv.Atoi(s); err != nil {
			return q, Errorf(CodeInvalid, "limit: write a number")
		}
	}
	if s := v.Get("for"); s != "" {
		if q.For, err = time.ParseDuration(s); err != nil {
			return q, Errorf(CodeInvalid, "for: %v", err)
		}
	}
	return q, q.checkNumbers()
}

// Tap implements [Prober].
func (c *Client) Tap(ctx context.Context, q TapQuery, f func(TapEvent) error) error {
	get := func(ctx context.Context, path string, _ url.Values) (*http.Response, error) {
		return c.send(ctx, "GET", path+"?"+q.Encode(), "", nil)
	}
	return stream(ctx, get, topologyURL(q.Topology, "/tap"), nil, nil, f)
}

// prober returns the service's power to look into components.
func (h *handler) prober() (Prober, error) {
	if p, ok := h.Service.(Prober); ok {
		return p, nil
	}
	return nil, Errorf(CodeNotFound, "this service does not look into components")
}

// tap answers with TapEvents, one of JSON a line.
func (h *handler) tap(w http.ResponseWriter, r *http.Request) {
	p, err := h.prober()
	var q TapQuery
	if err == nil {
		q, err = ParseTapQuery(name(r), r.URL.Query())
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.Log.Info("tap", "topology", string(q.Topology), "edge", q.edge(), "who", askerOf(r), "from", sender(r))
	h.stream(w, r, func(ctx context.Context, line func(any) error) error {
		return p.Tap(ctx, q, func(e TapEvent) error { return line(e) })
	})
}
