package cluster

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

// Failures are the errors of a component's tasks in one worker. They are
// written by that worker when there are new ones, every ten seconds at most,
// into a node of their own below its place's node.
type Failures struct {
	Component topology.ComponentID `json:"component"`
	Count     int64                `json:"count"` // of all since the worker began
	List      []Failure            `json:"list"`  // the first one, then the last ones, oldest first
}

// Failure is an error of user code, or the end of a child; several that are
// alike and follow each other count as one.
type Failure struct {
	Time      time.Time       `json:"time"`
	Task      topology.TaskID `json:"task"`
	Host      string          `json:"host"`
	Kind      string          `json:"kind"` // exception, fail, exit, start
	Type      string          `json:"type,omitempty"`
	Message   string          `json:"message"`
	Place     string          `json:"place,omitempty"` // file:line
	Traceback string          `json:"traceback,omitempty"`
	Count     int64           `json:"count"`
	From      string          `json:"from,omitempty"`    // COMPONENT or COMPONENT:STREAM that the tuple came from
	Tuple     string          `json:"tuple,omitempty"`   // its values
	Attempt   int             `json:"attempt,omitempty"` // the tuple's, from 1; 0: not known
	Worker    string          `json:"worker,omitempty"`  // its place
	Version   int             `json:"version,omitempty"` // of the code
}

// Limits of what a worker writes of errors.
const (
	MaxFailures = 10      // kept of a component in a worker
	MaxFailure  = 8 << 10 // bytes of one's texts
)

// Cut shortens the texts of a failure so that all of them together keep to
// MaxFailure. The end of a traceback says more than its beginning.
func (f *Failure) Cut() {
	f.Kind, f.Type, f.Host, f.Place = Cut(f.Kind, 40), Cut(f.Type, 200), Cut(f.Host, 255), Cut(f.Place, 500)
	f.From, f.Worker, f.Tuple = Cut(f.From, 500), Cut(f.Worker, 100), Cut(f.Tuple, 2100)
	f.Message = Cut(f.Message, 2<<10)
	if room := MaxFailure - len(f.Kind+f.Type+f.Host+f.Place+f.Message+f.From+f.Worker+f.Tuple); len(f.Traceback) > room {
		f.Traceback = strings.ToValidUTF8("…"+f.Traceback[len(f.Traceback)-room+len("…"):], "")
	}
}

func (*Failures) kind() string { return "failures" }

// Validate bounds what another process wrote.
func (f *Failures) Validate() error {
	var c checks
	c.that(validName(string(f.Component)), "%.100q is no name of a component", f.Component)
	c.number("the number of failures", len(f.List), 0, MaxFailures)
	c.that(f.Count >= 0, "the count is %d", f.Count)
	for _, x := range f.List {
		c.text("a failure", x.Kind+x.Type+x.Host+x.Place+x.Message+x.Traceback, MaxFailure)
		c.that(x.Count >= 0, "a count is %d", x.Count)
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

// Failures reads what the worker in a place tells of errors. Nodes that are no
// good are left out, and told of in bad.
func (c *Cluster) Failures(ctx context.Context, id RunID, p Place) (list []Failures, bad, err error) {
	names, err := c.names(ctx, workerPath(id, p))
	if err != nil {
		return nil, nil, err
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
		var wrong *RecordError
		switch {
		case errors.Is(err, ErrGone):
		case errors.As(err, &wrong):
			all = append(all, err)
		case err != nil:
			return nil, nil, err
		case string(f.Component) != component:
			all = append(all, &RecordError{node, "failures", fmt.Errorf("it is about %.64q", string(f.Component))})
		default:
			list = append(list, f)
		}
	}
	return list, errors.Join(all...), nil
}
