package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strconv"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

// Cluster reads what the coordinator holds, and keeps what this process itself
// has to say there. Changes to what nimbus owns go through a [Term]. Its methods
// may be called concurrently.
type Cluster struct {
	store coordinator.Store
	key   *Key // nil: everybody may do everything
	log   *slog.Logger

	stranger func() (coordinator.Store, error) // nil: nobody tries
}

// New wraps a store. The store stays its owner's to close.
func New(store coordinator.Store, log *slog.Logger) *Cluster { return &Cluster{store: store, log: log} }

// ErrGone is what asking for a record returns when there is none.
var ErrGone = errors.New("it is not there (any more)")

// ErrUnavailable is wrapped by errors when the coordinator did not answer in time.
var ErrUnavailable = coordinator.ErrUnavailable

// Stored is a record with the version of its node, which a [Batch] that
// replaces it wants.
type Stored[T any] struct {
	Record  T
	Version int32
}

// Prepare makes the nodes below which all others lie, and waits for the
// coordinator to answer. Every daemon does so when it starts.
func (c *Cluster) Prepare(ctx context.Context) error {
	for _, p := range basePaths {
		if err := c.retry(ctx, func() error { return coordinator.Ensure(ctx, c.store, p) }); err != nil {
			return fmt.Errorf("prepare the coordinator: %w", err)
		}
	}
	return c.checkClosed(ctx)
}

// Session tells what is known of the connection.
func (c *Cluster) Session() coordinator.Session { return c.store.Session() }

// get reads a node into a record.
func (c *Cluster) get(ctx context.Context, path string, into record) (int32, error) {
	node, err := c.store.Get(ctx, path)
	if err != nil {
		return 0, gone(err)
	}
	return node.Version, decode(path, node.Data, into)
}

func gone(err error) error {
	if errors.Is(err, coordinator.ErrNoNode) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// names lists a node's children; none if the node is missing.
func (c *Cluster) names(ctx context.Context, path string) ([]string, error) {
	names, err := c.store.Children(ctx, path)
	if errors.Is(err, coordinator.ErrNoNode) {
		return nil, nil
	}
	return names, err
}

// numbers lists children that are numbers, in order.
func (c *Cluster) numbers(ctx context.Context, path string) ([]int, error) {
	names, err := c.names(ctx, path)
	var list []int
	for _, name := range names {
		n, nerr := strconv.Atoi(name)
		if nerr != nil {
			return nil, &RecordError{path, "list", nerr}
		}
		list = append(list, n)
	}
	return list, err
}

// Topologies lists the names of all topologies.
func (c *Cluster) Topologies(ctx context.Context) ([]topology.Name, error) {
	names, err := c.names(ctx, topologiesPath)
	list := make([]topology.Name, len(names))
	for i, n := range names {
		list[i] = topology.Name(n)
	}
	return list, err
}

// Topology reads a topology's record.
func (c *Cluster) Topology(ctx context.Context, name topology.Name) (s Stored[Topology], err error) {
	s.Version, err = c.get(ctx, topologyPath(name), &s.Record)
	return s, err
}

// Versions lists the numbers of the versions that are kept.
func (c *Cluster) Versions(ctx context.Context, name topology.Name) ([]int, error) {
	return c.numbers(ctx, versionsPath(name))
}

// Version reads one.
func (c *Cluster) Version(ctx context.Context, name topology.Name, n int) (v Version, err error) {
	_, err = c.get(ctx, versionPath(name, n), &v)
	return v, err
}

// Runs lists the runs of a topology.
func (c *Cluster) Runs(ctx context.Context, name topology.Name) ([]RunID, error) {
	numbers, err := c.numbers(ctx, runsPath(name))
	list := make([]RunID, len(numbers))
	for i, n := range numbers {
		list[i] = RunID{name, n}
	}
	return list, err
}

// Run reads a run's record.
func (c *Cluster) Run(ctx context.Context, id RunID) (s Stored[Run], err error) {
	s.Version, err = c.get(ctx, runPath(id), &s.Record)
	return s, err
}

// Assignment reads where a run's tasks are.
func (c *Cluster) Assignment(ctx context.Context, id RunID) (s Stored[Assignment], err error) {
	s.Version, err = c.get(ctx, assignmentPath(id), &s.Record)
	return s, err
}

// Workers lists the places that have a worker's node in a run.
func (c *Cluster) Workers(ctx context.Context, id RunID) ([]Place, error) {
	names, err := c.names(ctx, workersPath(id))
	list := make([]Place, len(names))
	for i, name := range names {
		if perr := list[i].UnmarshalText([]byte(name)); perr != nil {
			return nil, &RecordError{path.Join(workersPath(id), name), "worker", perr}
		}
	}
	return list, err
}

// WorkerState is what is known of the worker in a place. A worker that
// writes nonsense has the error instead.
type WorkerState struct {
	Report *Report // nil: nothing yet
	Alive  []Alive // the processes that live; more than one only until the session of a dead one has expired
	Bad    error
}

// WorkerState reads what a worker tells, and which of its processes live. What a
// process has said of itself never changes, so those that known has are not read again.
func (c *Cluster) WorkerState(ctx context.Context, id RunID, p Place, known ...Alive) (s WorkerState, err error) {
	node, err := c.store.Get(ctx, workerPath(id, p))
	if err != nil {
		return s, gone(err)
	}
	if len(node.Data) > 0 {
		var r Report
		if s.Bad = decode(workerPath(id, p), node.Data, &r); s.Bad == nil {
			s.Report = &r
		}
	}
	names, err := c.names(ctx, workerPath(id, p))
	if err != nil {
		return s, err
	}
	for _, name := range names {
		i := Incarnation(name)
		if i.Validate() != nil {
			continue // errors of a component
		}
		if at := slices.IndexFunc(known, func(a Alive) bool { return a.Incarnation == i }); at >= 0 {
			s.Alive = append(s.Alive, known[at])
			continue
		}
		var a Alive
		_, err := c.get(ctx, alivePath(id, p, i), &a)
		var bad *RecordError
		switch {
		case errors.Is(err, ErrGone):
		case errors.As(err, &bad):
			s.Bad = err
			s.Alive = append(s.Alive, Alive{Incarnation: i}) // it lives, whatever it says
		case err != nil:
			return s, err
		default:
			s.Alive = append(s.Alive, a)
		}
	}
	return s, nil
}

// usable tells whether one record of several was read: what is gone is left out, and
// so is what is no good, which is added to bad. Any other error is returned.
func usable(err error, bad *[]error) (bool, error) {
	var wrong *RecordError
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrGone):
		return false, nil
	case errors.As(err, &wrong):
		*bad = append(*bad, err)
		return false, nil
	}
	return false, err
}

// Supervisors reads all supervisors that live. One whose record is no good is
// left out, and told of in bad.
func (c *Cluster) Supervisors(ctx context.Context) (list map[SupervisorID]Supervisor, bad, err error) {
	names, err := c.names(ctx, supervisorsPath)
	if err != nil {
		return nil, nil, err
	}
	list = map[SupervisorID]Supervisor{}
	var all []error
	for _, name := range names {
		var s Supervisor
		_, err := c.get(ctx, supervisorPath(SupervisorID(name)), &s)
		there, err := usable(err, &all)
		switch {
		case err != nil:
			return nil, nil, err
		case !there:
		case string(s.ID) != name:
			all = append(all, &RecordError{supervisorPath(SupervisorID(name)), "supervisor", fmt.Errorf("it says it is %s", s.ID)})
		default:
			list[s.ID] = s
		}
	}
	return list, errors.Join(all...), nil
}

// Placed lists all supervisors that have been given work, dead ones included.
func (c *Cluster) Placed(ctx context.Context) ([]SupervisorID, error) {
	names, err := c.names(ctx, slotsPath)
	list := make([]SupervisorID, len(names))
	for i, n := range names {
		list[i] = SupervisorID(n)
	}
	return list, err
}

// Placements reads what is to run in the slots of a supervisor.
func (c *Cluster) Placements(ctx context.Context, id SupervisorID) (map[Place]Placement, error) {
	names, err := c.names(ctx, slotsOfPath(id))
	if err != nil {
		return nil, err
	}
	list := map[Place]Placement{}
	for _, name := range names {
		place, err := ParseLocal(id, name)
		if err != nil {
			return nil, &RecordError{path.Join(slotsOfPath(id), name), "placement", err}
		}
		var p Placement
		if _, err := c.get(ctx, placementPath(place), &p); errors.Is(err, ErrGone) {
			continue
		} else if err != nil {
			return nil, err
		}
		list[place] = p
	}
	return list, nil
}

// Nimbuses reads all nimbuses that live; records that are no good are left out.
func (c *Cluster) Nimbuses(ctx context.Context) ([]Nimbus, error) {
	names, err := c.names(ctx, nimbusesPath)
	var list []Nimbus
	for _, name := range names {
		var n Nimbus
		if _, err := c.get(ctx, nimbusPath(Incarnation(name)), &n); err == nil {
			list = append(list, n)
		} else if errors.Is(err, ErrUnavailable) {
			return nil, err
		}
	}
	return list, err
}

// WatchSupervisors signals when a supervisor may have come or gone, as
// [coordinator.Store.Watch] does. So do the other watches.
func (c *Cluster) WatchSupervisors(ctx context.Context) <-chan struct{} {
	return c.store.Watch(ctx, supervisorsPath)
}

// WatchPlacements watches what is to run in a supervisor's slots.
func (c *Cluster) WatchPlacements(ctx context.Context, id SupervisorID) <-chan struct{} {
	return c.store.Watch(ctx, slotsOfPath(id))
}

// WatchRun watches a run's record.
func (c *Cluster) WatchRun(ctx context.Context, id RunID) <-chan struct{} {
	return c.store.Watch(ctx, runPath(id))
}

// WatchAssignment watches where a run's tasks are.
func (c *Cluster) WatchAssignment(ctx context.Context, id RunID) <-chan struct{} {
	return c.store.Watch(ctx, assignmentPath(id))
}

// WatchWorker watches a worker's report, and which of its processes live.
func (c *Cluster) WatchWorker(ctx context.Context, id RunID, p Place) <-chan struct{} {
	return c.store.Watch(ctx, workerPath(id, p))
}

// SetReport replaces what a worker tells of itself.
func (c *Cluster) SetReport(ctx context.Context, id RunID, p Place, r *Report) error {
	data, err := encode(r)
	if err != nil {
		return err
	}
	return gone(c.store.Apply(ctx, coordinator.Set(workerPath(id, p), data, coordinator.AnyVersion)))
}
