package process

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
)

// Past is what a worker remembers, beyond its own life: the one before it, in
// the same place and run, has left it in a file, and so have workers of the run
// before, if that was of the same code. Its methods may be called concurrently.
type Past struct {
	place, host string
	run         int

	mu     sync.Mutex
	will   will                             // guarded by mu
	worker *remembered                      // guarded by mu; nil before the first figures
	tasks  map[topology.TaskID]*rememberedT // guarded by mu
}

// remembered is a history, and the counts of this process that are in it.
type remembered struct {
	metrics.History
	last metrics.Amounts
}

type rememberedT struct {
	remembered
	component topology.ComponentID
	index     int
	spout     bool
}

// NewPast returns one that remembers nothing yet, of a worker that others know
// by the name of its place.
func NewPast(place, host string, run int) *Past {
	return &Past{place: place, host: host, run: run, tasks: map[topology.TaskID]*rememberedT{}}
}

// load reads what a worker of the place has left. Of another run, it is nobody's any more.
func (p *Past) load(file string) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept api.KeptHistory
	if err := json.Unmarshal(b, &kept); err != nil {
		return err
	}
	if kept.Run != p.run {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worker = &remembered{History: kept.Worker}
	for _, t := range kept.Tasks {
		p.tasks[t.Task] = &rememberedT{remembered{History: t.History}, t.Component, t.Index, t.Spout}
	}
	return nil
}

// Add takes figures of this process. Tasks that are not among them have moved
// away, and are forgotten.
func (p *Past) Add(now time.Time, f *api.WorkerFigures) {
	if len(f.Tasks) == 0 {
		return // it has not begun
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	began := now
	if p.worker == nil { // what its first tasks have done so far, they have done since it began
		began = f.Started
		p.worker = &remembered{History: *metrics.NewHistory(began)}
	}
	p.worker.add(now, workerAmounts(f))
	here := map[topology.TaskID]*rememberedT{}
	for i := range f.Tasks {
		t := &f.Tasks[i]
		r := p.tasks[t.Task]
		if r == nil || r.component != t.Component {
			r = &rememberedT{remembered{History: *metrics.NewHistory(began)}, t.Component, t.Index, t.Spout}
		}
		r.add(now, taskAmounts(t))
		here[t.Task] = r
	}
	p.tasks = here
}

func (r *remembered) add(now time.Time, sum metrics.Amounts) {
	d := sum.Since(&r.last)
	r.last = sum
	r.History.Add(now, &d)
}

// Kept returns what there is to keep, an [api.KeptHistory] as JSON; nil before the first figures.
// final: the worker has ended.
func (p *Past) Kept(final bool) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.worker == nil {
		return nil, nil
	}
	k := api.KeptHistory{Place: p.place, Host: p.host, Run: p.run, Code: p.will.code, Final: final, Worker: p.worker.History, Tasks: []api.TaskHistory{}}
	for id, t := range p.tasks {
		k.Tasks = append(k.Tasks, api.TaskHistory{Component: t.component, Task: id, Index: t.index, Spout: t.spout, History: t.History})
	}
	slices.SortFunc(k.Tasks, func(a, b api.TaskHistory) int { return int(a.Task) - int(b.Task) })
	return json.Marshal(&k)
}

// workerAmounts are what a worker counts for all its spouts; see [api.KeptHistory].
func workerAmounts(f *api.WorkerFigures) metrics.Amounts {
	a := metrics.Amounts{Counts: map[string]int64{"acked": f.Acked, "failed": f.Failed, "dead": f.Dead, "failed_back": f.FailedBack}}
	for _, x := range f.FailedAt {
		a.Counts[string(x.Component)+"/"+x.Cause] += x.N
	}
	return a
}

func taskAmounts(t *api.TaskFigures) metrics.Amounts {
	return metrics.Amounts{Times: t.Times, Counts: map[string]int64{
		"received": t.Received, "emitted": t.Emitted, "acked": t.Acked, "failed": t.Failed, "errors": t.Errors, "restarts": t.Restarts,
	}}
}
