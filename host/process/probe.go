package process

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

// Prober is a second power of an [Engine]: to be looked into while it runs.
// Its methods may be called concurrently. Their errors are for people.
type Prober interface {
	// Tap begins to take tuples. The caller closes it.
	Tap(api.TapQuery) (Tap, error)

	// Stacks shows where the child of a task is. What cannot be shown is told
	// by Why; an error, that there is no such task.
	Stacks(context.Context, topology.TaskID) (*api.Stacks, error)

	// SetLevels says from which level on each component logs: one of
	// cluster.LogLevels, or empty for the usual one. It returns at once.
	SetLevels(of func(topology.ComponentID) string)
}

// Tap is tuples that are taken as they pass. Take returns the oldest ones that
// wait, at most n, and the counts so far.
type Tap interface {
	Take(n int) ([]api.TapTuple, api.TapCounts, error)
	Close()
}

// How a tap is read: people look at it, and what nobody could read is not sent.
const (
	tapEvery = 100 * time.Millisecond
	tapBatch = 20          // tuples each time: 200 a second, which nobody reads faster
	tapQuiet = time.Second // between two messages when no tuple comes, but counts change
)

// probe returns the engine's power to be looked into.
func (p *Process) probe() (Prober, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.prober == nil {
		return nil, api.Errorf(api.CodeUnavailable, "it runs no tasks yet")
	}
	return p.prober, nil
}

// refuse answers a request that cannot be met: what the engine says is about the request.
func refuse(w http.ResponseWriter, err error) {
	e, ok := err.(*api.Error)
	if !ok {
		e = api.Errorf(api.CodeInvalid, "%v", err)
	}
	api.WriteError(w, e)
}

// serveTap answers with TapBatches, one of JSON a line, until the client is gone.
func (p *Process) serveTap(w http.ResponseWriter, r *http.Request) {
	prober, err := p.probe()
	var q api.TapQuery
	if err == nil {
		q, err = api.ParseTapQuery(p.spec.Run.Topology, r.URL.Query())
	}
	var tap Tap
	if err == nil {
		tap, err = prober.Tap(q)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	defer tap.Close()
	api.StreamLines(w, r, p.o.Log, func(err error) { refuse(w, err) }, func(ctx context.Context, line func(any) error) error {
		return ReadTap(ctx, tap, p.spec.Place.String(), func(b api.TapBatch) error { return line(b) })
	})
}

// serveStacks answers with the stacks of a task's child.
func (p *Process) serveStacks(w http.ResponseWriter, r *http.Request) {
	prober, err := p.probe()
	var task topology.TaskID
	if err == nil {
		task, err = api.ParseTask(r.URL.Query().Get("task"))
	}
	var s *api.Stacks
	if err == nil {
		s, err = prober.Stacks(r.Context(), task)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s) // who does not listen misses it
}

// ReadTap calls f with what a tap takes in a place until ctx ends, which is no
// error, or f returns one.
func ReadTap(ctx context.Context, tap Tap, place string, f func(api.TapBatch) error) error {
	ticker := time.NewTicker(tapEvery)
	defer ticker.Stop()
	var told api.TapBatch
	var at time.Time
	for {
		tuples, counts, err := tap.Take(tapBatch)
		if err != nil {
			return err
		}
		if len(tuples) > 0 || at.IsZero() || counts != told.Counts && time.Since(at) >= tapQuiet {
			for i := range tuples {
				tuples[i].Place = place
			}
			told, at = api.TapBatch{Tuples: tuples, Counts: counts}, time.Now()
			if err := f(told); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
