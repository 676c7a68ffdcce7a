package process

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// book is an engine's errors and the coordinator's record of them.
type book struct {
	mu      sync.Mutex
	counts  map[topology.ComponentID]int64 // guarded by mu: of the engine
	before  []cluster.Failures             // guarded by mu
	written []string                       // guarded by mu
	fail    error                          // guarded by mu: of the coordinator
}

// set changes the book.
func (b *book) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *book) now() (list []cluster.Failures) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, n := range b.counts {
		list = append(list, cluster.Failures{Component: id, Count: n, List: []cluster.Failure{{Kind: "exception", Count: n, Occurrence: cluster.Occurrence{Time: time.Unix(1_900_000_000+n, 0)}}}})
	}
	return list
}

func (b *book) store() failureStore {
	return failureStore{
		read: func(context.Context) ([]cluster.Failures, error, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.before, nil, b.fail
		},
		write: func(_ context.Context, l *cluster.Failures) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.fail == nil {
				b.written = append(b.written, fmt.Sprintf("%s %d", l.Component, l.Count))
			}
			return b.fail
		},
	}
}

// Of each component the first error is written at once, whatever was written
// of others, those that follow together ten seconds later, the last ones at the
// end; nothing is written at rest. Who asks is told all of it at any time.
func TestFailuresAreWrittenSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{counts: map[topology.ComponentID]int64{}}
		f := newFailures(slog.New(slog.DiscardHandler), 0, b.now, b.store())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.run(ctx)
		}()
		add := func(id topology.ComponentID, n int64, tell bool) {
			b.set(func() { b.counts[id] += n })
			if tell {
				f.happened()
			}
		}
		expect := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			if !slices.Equal(b.written, want) {
				t.Fatalf("%s: %q is written, and not %q", what, b.written, want)
			}
			b.written = nil
		}
		synctest.Wait()
		add("c", 1, true)
		expect("the first", "c 1")
		add("c", 1000, true)
		expect("soon after")
		add("d", 1, true)
		expect("the first of another component", "d 1")
		if all := f.all(); !all.Whole || len(all.Failures) != 2 || all.Failures[0].Count != 1001 {
			t.Errorf("who asks is told %+v", all)
		}
		time.Sleep(DefaultFailuresEvery)
		expect("ten seconds later", "c 1001")
		add("c", 1, false)
		time.Sleep(DefaultFailuresEvery)
		expect("one that nobody told of", "c 1002")
		time.Sleep(time.Hour)
		expect("at rest")
		b.set(func() { b.fail = cluster.ErrUnavailable })
		add("c", 1, true)
		time.Sleep(3 * DefaultFailuresEvery)
		expect("without a coordinator")
		b.set(func() { b.fail = nil })
		time.Sleep(DefaultFailuresEvery)
		expect("when it is back", "c 1003")
		add("c", 1, true)
		expect("too early")
		cancel()
		<-ended
		expect("at the end", "c 1004")
	})
}

// What the process before this one had written stays, and is added to.
func TestFailuresOfTheProcessBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old := func(id topology.ComponentID) cluster.Failures {
			return cluster.Failures{Component: id, Count: 5, List: []cluster.Failure{{Kind: "exit", Count: 5, Occurrence: cluster.Occurrence{Time: time.Unix(1_800_000_000, 0)}}}}
		}
		b := &book{counts: map[topology.ComponentID]int64{}, before: []cluster.Failures{old("c"), old("quiet")}, fail: cluster.ErrUnavailable}
		f := newFailures(slog.New(slog.DiscardHandler), 0, b.now, b.store())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.run(ctx)
		}()
		b.set(func() { b.counts["c"] = 1 })
		f.happened()
		synctest.Wait()
		if all := f.all(); all.Whole || len(all.Failures) != 1 || all.Failures[0].Count != 1 {
			t.Errorf("before it could read them: %+v", all)
		}
		b.set(func() { b.fail = nil })
		time.Sleep(retryPause)
		synctest.Wait()
		all := f.all()
		if !all.Whole || len(all.Failures) != 2 || all.Failures[0].Count != 6 || len(all.Failures[0].List) != 2 || all.Failures[0].List[0].Kind != "exit" {
			t.Errorf("%+v", all)
		}
		b.set(func() {
			if !slices.Equal(b.written, []string{"c 6"}) {
				t.Errorf("%q is written", b.written)
			}
		})
		cancel()
		<-ended
	})
}

// A process that ends before the coordinator answers writes nothing, and ends.
func TestFailuresWithoutCoordinator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{counts: map[topology.ComponentID]int64{"c": 1}, fail: cluster.ErrUnavailable}
		f := newFailures(slog.New(slog.DiscardHandler), 0, b.now, b.store())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		f.run(ctx)
		if len(b.written) > 0 {
			t.Errorf("%q is written", b.written)
		}
	})
}
