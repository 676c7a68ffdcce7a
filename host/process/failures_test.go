package process

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
)

// The first failure is written at once, those that follow together ten seconds
// later, the last ones at the end; nothing is written at rest.
func TestFailuresAreWrittenSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var written []cluster.Failures // guarded by mu
		var fail error                 // guarded by mu
		f := newFailures(slog.New(slog.DiscardHandler), func(_ context.Context, l *cluster.Failures) error {
			mu.Lock()
			defer mu.Unlock()
			if fail != nil {
				return fail
			}
			if err := l.Validate(); err != nil {
				t.Error(err)
			}
			written = append(written, *l)
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.run(ctx)
		}()
		expect := func(what string, writes int, count int64) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(written) != writes || writes > 0 && written[writes-1].Count != count {
				t.Fatalf("%s: %d writes, %+v", what, len(written), written)
			}
		}
		add := func(n int64) {
			f.add(api.Failure{Time: time.Now(), Component: "c", Kind: "exception", Type: "E", Message: "m", Count: n})
		}
		add(1)
		expect("the first", 1, 1)
		for n := range 1000 {
			add(int64(n) + 2)
		}
		expect("soon after", 1, 1)
		time.Sleep(failuresEvery)
		expect("ten seconds later", 2, 1001)
		time.Sleep(time.Hour)
		expect("at rest", 2, 1001)
		breaks := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			fail = err
		}
		breaks(cluster.ErrUnavailable)
		add(1002)
		time.Sleep(3 * failuresEvery)
		expect("without a coordinator", 2, 1001)
		breaks(nil)
		time.Sleep(failuresEvery)
		expect("when it is back", 3, 1002)
		add(1003)
		expect("too early", 3, 1002)
		cancel()
		<-ended
		expect("at the end", 4, 1003)
	})
}

// Ten are kept: the first and the last nine. What is alike counts as one.
func TestFailuresThatAreKept(t *testing.T) {
	t.Parallel()
	f := newFailures(slog.New(slog.DiscardHandler), nil)
	for n := range 30 {
		for range 2 {
			f.add(api.Failure{Component: "c", Kind: "exception", Type: fmt.Sprintf("E%d", n), Count: 1, Traceback: "tb"})
		}
		f.add(api.Failure{Component: "c", Kind: "exception", Type: fmt.Sprintf("E%d", n), Count: 3})
	}
	l := f.lists.Of("c")
	if l.Count != 90 || len(l.List) != cluster.MaxFailures {
		t.Fatalf("%d of %d", len(l.List), l.Count)
	}
	for i, x := range l.List {
		want := fmt.Sprintf("E%d", 20+i)
		if i == 0 {
			want = "E0"
		}
		if x.Type != want || x.Count != 3 || x.Traceback != "tb" {
			t.Errorf("%d: %+v, and not %s", i, x, want)
		}
	}
}
