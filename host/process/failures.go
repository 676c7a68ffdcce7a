package process

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

const (
	failuresEvery    = 10 * time.Second // between two writes about a component
	failuresFarewell = 2 * time.Second  // for the last write
)

// failures keeps the first and the last errors of each component, and writes
// them to the coordinator when there are new ones: at once after a quiet time,
// and not more often than every ten seconds.
type failures struct {
	// Fixed at construction.
	write func(context.Context, *cluster.Failures) error
	log   *slog.Logger
	news  chan struct{} // capacity 1; never closed

	lists FailureLists

	mu    sync.Mutex
	dirty map[topology.ComponentID]bool // guarded by mu: not written since it changed
}

func newFailures(log *slog.Logger, write func(context.Context, *cluster.Failures) error) *failures {
	return &failures{write: write, log: log, news: make(chan struct{}, 1), dirty: map[topology.ComponentID]bool{}}
}

// add takes a failure.
func (f *failures) add(x api.Failure) {
	f.lists.Add(x)
	f.mu.Lock()
	f.dirty[x.Component] = true
	f.mu.Unlock()
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// run writes until ctx ends, and then once more.
func (f *failures) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), failuresFarewell)
			defer cancel()
			f.flush(last)
			return
		case <-f.news:
		}
		if !f.flush(ctx) {
			f.mu.Lock()
			again := len(f.dirty) > 0
			f.mu.Unlock()
			if again {
				select {
				case f.news <- struct{}{}:
				default:
				}
			}
		}
		pause := time.NewTimer(failuresEvery)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// flush writes what has changed, and returns whether all of it is written.
func (f *failures) flush(ctx context.Context) bool {
	f.mu.Lock()
	var due []*cluster.Failures
	for id := range f.dirty {
		l := f.lists.Of(id)
		due = append(due, &l)
	}
	clear(f.dirty)
	f.mu.Unlock()
	done := true
	for _, l := range due {
		err := f.write(ctx, l)
		switch {
		case err == nil, errors.Is(err, cluster.ErrGone): // the latter: nobody wants to know any more
			continue
		case errors.Is(err, cluster.ErrUnavailable), ctx.Err() != nil:
			f.log.Debug("errors of a component are not written yet", "component", l.Component, "err", err)
		default:
			f.log.Warn("errors of a component are not written", "component", l.Component, "err", err)
			continue
		}
		done = false
		f.mu.Lock()
		f.dirty[l.Component] = true
		f.mu.Unlock()
	}
	return done
}
