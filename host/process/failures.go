package process

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

const (
	// DefaultFailuresEvery is the time between two writes of a component's errors.
	DefaultFailuresEvery = 10 * time.Second

	failuresRetry    = 10 * time.Second // after a write that did not succeed
	failuresFarewell = 2 * time.Second  // for the last write
)

// failureStore is where errors outlive a worker.
type failureStore struct {
	read  func(context.Context) (list []cluster.Failures, bad, err error)
	write func(context.Context, *cluster.Failures) error
}

// failures tells the errors of this worker's components: at any time to who
// asks, and, for the time after its death, to the coordinator. What a process
// before this one had written there is added to what this one knows.
type failures struct {
	// Fixed at construction.
	now   func() []cluster.Failures // as the engine has them
	store failureStore
	every time.Duration
	log   *slog.Logger
	news  chan struct{} // capacity 1; never closed

	mu     sync.Mutex
	before map[topology.ComponentID]*cluster.Failures // guarded by mu: of the process before
	known  bool                                       // guarded by mu: before has been read
}

func newFailures(log *slog.Logger, every time.Duration, now func() []cluster.Failures, store failureStore) *failures {
	if every == 0 {
		every = DefaultFailuresEvery
	}
	return &failures{now: now, store: store, every: every, log: log, news: make(chan struct{}, 1)}
}

// happened says that there are new ones.
func (f *failures) happened() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// all returns what is known.
func (f *failures) all() cluster.WorkerFailures {
	list := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := map[topology.ComponentID]bool{}
	for id := range f.before {
		rest[id] = true
	}
	for i := range list {
		if b := f.before[list[i].Component]; b != nil {
			list[i].Merge(b)
			delete(rest, b.Component)
		}
		for j := range list[i].List {
			list[i].List[j].Cut()
		}
	}
	for id := range rest {
		list = append(list, *f.before[id])
	}
	slices.SortFunc(list, func(a, b cluster.Failures) int { return cmp.Compare(a.Component, b.Component) })
	return cluster.WorkerFailures{Failures: list, Whole: f.known}
}

// run writes until ctx ends, and then once more.
func (f *failures) run(ctx context.Context) {
	p := &failurePace{every: f.every, retry: min(f.every, failuresRetry), of: map[topology.ComponentID]paced{}}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), failuresFarewell)
		defer cancel()
		if f.recall(last, p) {
			for id, x := range p.of {
				p.of[id] = paced{count: x.count}
			}
			f.flush(last, p)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.news:
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return
		}
		again := time.Now().Add(retryPause)
		if f.recall(ctx, p) {
			again = f.flush(ctx, p)
		}
		if again.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(again))
		}
	}
}

// recall reads what the process before this one has written, once, and returns
// whether it is known.
func (f *failures) recall(ctx context.Context, p *failurePace) bool {
	f.mu.Lock()
	known := f.known
	f.mu.Unlock()
	if known {
		return true
	}
	list, bad, err := f.store.read(ctx)
	if errors.Is(err, cluster.ErrUnavailable) || ctx.Err() != nil {
		f.log.Debug("what the worker before this one wrote of errors is not read yet", "err", err)
		return false
	}
	if err = errors.Join(bad, err); err != nil {
		f.log.Warn("what the worker before this one wrote of errors is lost", "err", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known, f.before = true, map[topology.ComponentID]*cluster.Failures{}
	for i := range list {
		f.before[list[i].Component] = &list[i]
		p.wrote(&list[i], time.Time{})
	}
	return true
}

// flush writes what is due, and returns when to look again.
func (f *failures) flush(ctx context.Context, p *failurePace) (again time.Time) {
	all := f.all().Failures
	due, _ := p.due(time.Now(), all)
	for _, l := range due {
		switch err := f.store.write(ctx, l); {
		case err == nil, errors.Is(err, cluster.ErrGone): // the latter: nobody wants to know any more
			p.wrote(l, time.Now())
		case errors.Is(err, cluster.ErrUnavailable), ctx.Err() != nil:
			f.log.Debug("errors of a component are not written yet", "component", l.Component, "err", err)
			p.failed(l, time.Now())
		default:
			f.log.Warn("errors of a component are not written", "component", l.Component, "err", err)
			p.wrote(l, time.Now())
		}
	}
	_, again = p.due(time.Now(), all)
	return again
}
