package host

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/nimbus"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

var (
	_ api.Service   = (*localRun)(nil)
	_ api.Inspector = (*localRun)(nil)
	_ api.Historian = (*localRun)(nil)
)

// localPlace stands where a cluster has the name of a worker's slot.
const localPlace = "run"

// localRun is a run as the API sees it: a cluster with one topology in one
// worker, which is this process.
type localRun struct {
	probe // worker is set before anybody asks
	host  string

	lines recent[api.LogLine]
	dead  recent[api.DeadTuple]
	past  *process.Past

	mu     sync.Mutex
	mode   worker.Mode // guarded by mu: what was asked for last
	ending bool        // guarded by mu
	levels cluster.Run // guarded by mu: of it, the log levels
	timer  *time.Timer // guarded by mu: for the next change of them; nil: there is none
}

func newLocalRun(t *topology.Topology) *localRun {
	host := DefaultClusterOptions().Host
	r := &localRun{host: host, mode: worker.Active, past: process.NewPast(localPlace, host, 0)}
	r.topology = t
	r.lines.limit, r.lines.budget = api.MaxTail, 16<<20
	r.dead.limit, r.dead.budget = 1000, 4<<20
	return r
}

// watch has the run see what a worker tells of itself.
func (r *localRun) watch(o *worker.Options) {
	o.Observer = observers{o.Observer, engineObserver{r}}
	o.Dead = localDead{o.Dead, r}
	o.Log = slog.New(slog.NewMultiHandler(o.Log.Handler(), localHandler{run: r}))
}

// pastEvery is how often figures are put into the history.
const pastEvery = 10 * time.Second

// keep remembers what happens until ctx ends.
func (r *localRun) keep(ctx context.Context) {
	ticker := time.NewTicker(pastEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.timer != nil {
				r.timer.Stop()
			}
			return
		case <-ticker.C:
			f := r.figures(false)
			r.past.Add(f.Time, &f)
		}
	}
}

// known tells whether it is the topology that runs.
func (r *localRun) known(name topology.Name) error {
	if name != r.topology.Name {
		return api.Errorf(api.CodeNotFound, "there is no topology %.64q: this is a run of %s", string(name), r.topology.Name)
	}
	return nil
}

// figures are those of the worker, with what its children use if that is wanted.
func (r *localRun) figures(children bool) api.WorkerFigures {
	s := r.worker.Snapshot()
	if children {
		r.worker.LookAtChildren(&s)
	}
	f := figuresOf(s)
	f.Place, f.Stall = localPlace, stallOf(r.worker)
	return f
}

// summary is the topology in a list, of components as they are.
func (r *localRun) summary(f *api.WorkerFigures, components []api.ComponentStatus) api.Topology {
	t := api.Topology{Name: r.topology.Name, State: "active", Workers: 1, Wanted: 1, Tasks: len(f.Tasks), Deployed: f.Started.UTC()}
	r.mu.Lock()
	switch {
	case r.ending:
		t.State = "ending"
	case r.mode != worker.Active:
		t.State = "inactive"
	}
	r.mu.Unlock()
	var reasons []string
	for _, c := range components {
		if c.Why != "" {
			reasons = append(reasons, fmt.Sprintf("%s: %s", c.Component, c.Why))
		}
	}
	t.Why = strings.Join(reasons, "; ")
	if len(reasons) > 0 && t.State == "active" {
		t.State = "impaired"
	}
	if task, why := api.Stalled([]api.WorkerFigures{*f}); task != "" && (t.State == "active" || t.State == "impaired") {
		t.State, t.Why = "stalled by "+task, strings.Trim(why+"; "+t.Why, "; ")
	}
	return t
}

// components adds up the tasks of each.
func (r *localRun) components(f *api.WorkerFigures) []api.ComponentStatus {
	list := []api.ComponentStatus{}
	for _, c := range r.topology.Components {
		s := api.ComponentStatus{Component: c.ID, Kind: c.Kind.String(), Tasks: c.Parallelism, State: "ready"}
		for _, t := range f.Tasks {
			if t.Component != c.ID {
				continue
			}
			if t.State == worker.Running.String() || t.State == worker.Prepared.String() {
				s.Ready++
			}
			if s.Why == "" {
				s.Why = strings.TrimSpace(t.Why)
			}
		}
		if s.Ready < s.Tasks {
			s.State = "starting"
			if strings.HasPrefix(s.Why, "crash loop") {
				s.State = "crash loop"
			}
		}
		list = append(list, s)
	}
	return list
}

// List implements [api.Service].
func (r *localRun) List(context.Context) ([]api.Topology, error) {
	f := r.figures(false)
	return []api.Topology{r.summary(&f, r.components(&f))}, nil
}

// Status implements [api.Service].
func (r *localRun) Status(_ context.Context, name topology.Name) (*api.Status, error) {
	if err := r.known(name); err != nil {
		return nil, err
	}
	f := r.figures(false)
	s := &api.Status{Components: r.components(&f), Versions: []api.Version{}, LogLevels: r.logLevels(time.Now())}
	s.Topology = r.summary(&f, s.Components)
	state := s.State
	if state != "ending" && state != "inactive" {
		state = "active" // the worker is; what is wrong with it stands above
	}
	s.WorkerList = []api.WorkerStatus{{Place: localPlace, Host: r.host, PID: os.Getpid(), Started: f.Started.UTC(), Tasks: len(f.Tasks), State: state}}
	return s, nil
}

// Cluster implements [api.Service]: a run has none.
func (r *localRun) Cluster(context.Context) (*api.Cluster, error) {
	return &api.Cluster{Now: time.Now().UTC(), Nimbuses: []api.Nimbus{}, Supervisors: []api.Supervisor{}, LogServers: []api.LogView{}, ZooKeeper: []string{}}, nil
}

// Definition implements [api.Inspector].
func (r *localRun) Definition(_ context.Context, name topology.Name) (*api.Definition, error) {
	if err := r.known(name); err != nil {
		return nil, err
	}
	return api.Define(r.topology)
}

// Figures implements [api.Service].
func (r *localRun) Figures(_ context.Context, name topology.Name) (*api.Figures, error) {
	if err := r.known(name); err != nil {
		return nil, err
	}
	return &api.Figures{Workers: []api.WorkerFigures{r.figures(true)}}, nil
}

// Errors implements [api.Service].
func (r *localRun) Errors(_ context.Context, name topology.Name) ([]api.ComponentErrors, error) {
	list := []api.ComponentErrors{}
	failures := failuresOf(r.worker)
	for _, c := range r.topology.Components {
		at := slices.IndexFunc(failures, func(f cluster.Failures) bool { return f.Component == c.ID })
		if at < 0 {
			continue
		}
		e := nimbus.TellErrors(&failures[at])
		e.Was = api.Serves
		for i := range e.Errors {
			x := &e.Errors[i]
			if x.Host = r.host; x.First != nil {
				x.First.Host = r.host
			}
		}
		list = append(list, e)
	}
	return list, r.known(name)
}

// Histories implements [api.Historian].
func (r *localRun) Histories(_ context.Context, name topology.Name) (kept []api.KeptHistory, silent []string, err error) {
	if err := r.known(name); err != nil {
		return nil, nil, err
	}
	f := r.figures(false)
	r.past.Add(f.Time, &f)
	b, err := r.past.Kept(false)
	if err != nil || b == nil {
		return nil, nil, err
	}
	kept = make([]api.KeptHistory, 1) // a copy: ours goes on
	return kept, nil, json.Unmarshal(b, &kept[0])
}
