package host

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

// needsCluster says why a run refuses what only a cluster can do.
const needsCluster = "this is a run of one topology in one process, which cannot %s: bring up a cluster with `polybolt dev`, and deploy it there"

// Deploy implements [api.Service]: it is refused.
func (r *localRun) Deploy(context.Context, api.DeployRequest, io.Reader) (*api.Accepted, error) {
	return nil, api.Errorf(api.CodeRefused, needsCluster, "take another version")
}

// Change implements [api.Service]. All that a run can do is done at once, or, of
// kill, begun.
func (r *localRun) Change(_ context.Context, name topology.Name, q api.ChangeRequest) (*api.Accepted, error) {
	if err := r.known(name); err != nil {
		return nil, err
	}
	switch q.Verb {
	case api.Activate:
		return r.setMode(worker.Active, "%s emits")
	case api.Deactivate:
		return r.setMode(worker.Inactive, "%s does not emit; what is in flight is finished")
	case api.Kill:
		r.drain()
		return &api.Accepted{Text: fmt.Sprintf("%s ends, as by Ctrl-C: what is in flight is finished first", name)}, nil
	case api.SetLevel:
		return r.setLevel(q)
	}
	return nil, api.Errorf(api.CodeRefused, needsCluster, string(q.Verb))
}

// setMode has spouts emit, or pause.
func (r *localRun) setMode(m worker.Mode, text string) (*api.Accepted, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending {
		return nil, api.Errorf(api.CodeConflict, "the run is ending")
	}
	if err := r.worker.Apply(r.worker.Everything(m)); err != nil {
		return nil, err
	}
	r.mode = m
	return &api.Accepted{Text: fmt.Sprintf(text, r.topology.Name)}, nil
}

// drain ends the run as its terminal does. No change follows: spouts that are
// told to rest must not be told otherwise.
func (r *localRun) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = true
	r.worker.Drain()
}

// setLevel has a component, or all of them, log from another level on.
func (r *localRun) setLevel(q api.ChangeRequest) (*api.Accepted, error) {
	switch {
	case q.Level != "" && !slices.Contains(cluster.LogLevels, q.Level):
		return nil, api.Errorf(api.CodeInvalid, "there is no log level %.40q: there are %s", q.Level, strings.Join(cluster.LogLevels, ", "))
	case q.Component != "" && r.topology.Component(q.Component) == nil:
		return nil, api.Errorf(api.CodeInvalid, "%s has no component %.64q", r.topology.Name, string(q.Component))
	case q.For < 0:
		return nil, api.Errorf(api.CodeInvalid, "the time must not be negative")
	}
	now := time.Now()
	level := cluster.LogLevel{Component: q.Component, Level: q.Level}
	if q.For > 0 && q.Level != "" {
		level.Until = now.Add(q.For)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.levels.SetLevel(level, now)
	r.applyLevels(now)
	who := strings.TrimSpace(fmt.Sprintf("%s %s", r.topology.Name, q.Component))
	if q.Level == "" {
		return &api.Accepted{Text: who + " logs as usual again"}, nil
	}
	return &api.Accepted{Text: fmt.Sprintf("%s logs from %s on", who, q.Level)}, nil
}

// applyLevels tells the components, now and whenever a level's time is over. mu is held.
func (r *localRun) applyLevels(now time.Time) {
	levels, change := r.levels.Levels(now)
	r.SetLevels(func(id topology.ComponentID) string {
		if level, own := levels[id]; own {
			return level
		}
		return levels[""]
	})
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	if change.IsZero() {
		return
	}
	r.timer = time.AfterFunc(change.Sub(now), func() {
		defer crash.Guard()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.applyLevels(time.Now())
	})
}

// logLevels are those that were changed.
func (r *localRun) logLevels(now time.Time) (list []api.LogLevel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.levels.LogLevels {
		if l.Until.IsZero() || now.Before(l.Until) {
			list = append(list, api.LogLevel(l))
		}
	}
	return list
}
