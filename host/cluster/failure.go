package cluster

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

// Failures are the errors of a component's tasks in one worker. That worker
// writes them when there are new ones, every ten seconds at most, into a node
// of their own below its place's node: for the time after its death. While it
// lives it tells nimbus what it knows.
type Failures struct {
	Component topology.ComponentID `json:"component"`
	Count     int64                `json:"count"` // of all, whether they are in the list or not
	List      []Failure            `json:"list"`  // a kind each: the one that there was first, then the others, that with the latest error last
}

// Failure is errors of user code, or ends of children, that are alike: of the
// same kind, type and place.
type Failure struct {
	Kind       string      `json:"kind"` // exception, fail, exit, start, timeout
	Type       string      `json:"type,omitempty"`
	Place      string      `json:"place,omitempty"` // file:line
	Count      int64       `json:"count"`
	Version    int         `json:"version,omitempty"` // of the code
	Occurrence             // the last one
	First      *Occurrence `json:"first,omitempty"` // nil: it is the last one, too, as far as is known
}

// Occurrence is one error, as it was: what is told of it belongs together.
type Occurrence struct {
	Time      time.Time       `json:"time"`
	Task      topology.TaskID `json:"task"`
	Host      string          `json:"host"`
	Message   string          `json:"message"`
	Traceback string          `json:"traceback,omitempty"`
	From      string          `json:"from,omitempty"`    // COMPONENT or COMPONENT:STREAM that the tuple came from
	Tuple     string          `json:"tuple,omitempty"`   // its values
	Attempt   int             `json:"attempt,omitempty"` // the tuple's, from 1; 0: not known
	Worker    string          `json:"worker,omitempty"`  // its place
}

// Limits of what is kept of errors.
const (
	MaxFailures = 10      // kinds of a component
	MaxFailure  = 8 << 10 // bytes of the texts of one, the first and the last error together
)

// Oldest returns the first error of its kind that is known.
func (f *Failure) Oldest() *Occurrence {
	if f.First != nil {
		return f.First
	}
	return &f.Occurrence
}

// Cut shortens the texts of a failure so that all of them together keep to
// MaxFailure. The end of a traceback says more than its beginning.
func (f *Failure) Cut() {
	f.Kind, f.Type, f.Place = Cut(f.Kind, 40), Cut(f.Type, 200), Cut(f.Place, 500)
	room := MaxFailure - len(f.Kind+f.Type+f.Place)
	if f.First == nil {
		f.Occurrence.cut(room)
		return
	}
	first := *f.First
	first.cut(room / 2)
	f.First = &first
	f.Occurrence.cut(room - len(first.texts()))
}

func (o *Occurrence) texts() string {
	return o.Host + o.Message + o.Traceback + o.From + o.Tuple + o.Worker
}

// cut keeps the texts of an error within room, which is 3,000 bytes at least.
func (o *Occurrence) cut(room int) {
	o.Host, o.Worker, o.From = Cut(o.Host, 255), Cut(o.Worker, 100), Cut(o.From, 200)
	o.Message, o.Tuple = Cut(o.Message, min(2<<10, room/4)), Cut(o.Tuple, min(2100, room/4))
	const mark = "…"
	o.Traceback = strings.ToValidUTF8(o.Traceback, "")
	if room -= len(o.texts()) - len(o.Traceback); len(o.Traceback) > room {
		o.Traceback = mark + strings.ToValidUTF8(o.Traceback[len(o.Traceback)-room+len(mark):], "")
	}
}

// Merge adds what another worker tells of the same component, or the same one
// in an earlier life, or a later one.
func (f *Failures) Merge(other *Failures) {
	f.Count += other.Count
	list := slices.Clone(f.List)
	for _, x := range other.List {
		at := slices.IndexFunc(list, func(o Failure) bool { return o.Kind == x.Kind && o.Type == x.Type && o.Place == x.Place })
		if at < 0 {
			list = append(list, x)
		} else {
			list[at].merge(&x)
		}
	}
	slices.SortStableFunc(list, func(a, b Failure) int { return a.Time.Compare(b.Time) })
	first := 0
	for i := range list {
		if list[i].Oldest().Time.Before(list[first].Oldest().Time) {
			first = i
		}
	}
	if len(list) > 0 {
		pinned := list[first]
		list = slices.Insert(slices.Delete(list, first, first+1), 0, pinned)
	}
	if len(list) > MaxFailures {
		list = slices.Delete(list, 1, len(list)-MaxFailures+1)
	}
	f.List = list
}

func (f *Failure) merge(other *Failure) {
	f.Count += other.Count
	first, last := *f.Oldest(), f.Occurrence
	if o := other.Oldest(); o.Time.Before(first.Time) {
		first = *o
	}
	if !other.Time.Before(last.Time) {
		last, f.Version = other.Occurrence, other.Version
	}
	f.Occurrence, f.First = last, &first
}

func (*Failures) kind() string { return "failures" }

// Validate bounds what another process wrote.
func (f *Failures) Validate() error {
	var c checks
	f.validate(&c)
	return c.done()
}

func (f *Failures) validate(c *checks) {
	c.that(validName(string(f.Component)), "%.100q is no name of a component", f.Component)
	c.number("the number of failures", len(f.List), 0, MaxFailures)
	c.that(f.Count >= 0, "the count is %d", f.Count)
	for _, x := range f.List {
		texts := x.Kind + x.Type + x.Place + x.texts()
		if x.First != nil {
			texts += x.First.texts()
		}
		c.text("a failure", texts, MaxFailure)
		c.that(x.Count >= 0, "a count is %d", x.Count)
	}
}

// WorkerFailures is what a worker tells nimbus when it is asked for errors.
type WorkerFailures struct {
	Failures []Failures `json:"failures"`
	Whole    bool       `json:"whole"` // with what the process before it had written: the coordinator knows no more
}

// Validate bounds what another process tells.
func (w *WorkerFailures) Validate() error {
	var c checks
	c.number("the number of components", len(w.Failures), 0, maxReported)
	for i := range w.Failures {
		w.Failures[i].validate(&c)
	}
	return c.done()
}

// failuresPrefix tells these nodes from those of a place's processes.
const failuresPrefix = "failures."

func failuresPath(r RunID, p Place, c topology.ComponentID) string {
	return path.Join(workerPath(r, p), failuresPrefix+string(c))
}

// SetFailures replaces what a worker tells of a component's errors. ErrGone:
// the place is not the run's any more.
func (c *Cluster) SetFailures(ctx context.Context, id RunID, p Place, f *Failures) error {
	data, err := encode(f)
	if err != nil {
		return err
	}
	node := failuresPath(id, p, f.Component)
	err = c.store.Apply(ctx, coordinator.Set(node, data, coordinator.AnyVersion))
	if errors.Is(err, coordinator.ErrNoNode) {
		err = c.store.Apply(ctx, coordinator.Create(node, data))
	}
	return gone(err)
}

// Failures reads what the worker in a place has written of errors. Nodes that
// are no good are left out, and told of in bad. ErrGone: the place is not the
// run's any more.
func (c *Cluster) Failures(ctx context.Context, id RunID, p Place) (list []Failures, bad, err error) {
	names, err := c.store.Children(ctx, workerPath(id, p))
	if err != nil {
		return nil, nil, gone(err)
	}
	var all []error
	for _, name := range names {
		component, found := strings.CutPrefix(name, failuresPrefix)
		if !found {
			continue
		}
		var f Failures
		node := path.Join(workerPath(id, p), name)
		_, err := c.get(ctx, node, &f)
		there, err := usable(err, &all)
		switch {
		case err != nil:
			return nil, nil, err
		case !there:
		case string(f.Component) != component:
			all = append(all, &RecordError{node, "failures", fmt.Errorf("it is about %.64q", string(f.Component))})
		default:
			list = append(list, f)
		}
	}
	return list, errors.Join(all...), nil
}
