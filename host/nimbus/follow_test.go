package nimbus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/api"
)

// logbook is what a log server has in a test.
type logbook struct {
	mu      sync.Mutex
	lines   []api.LogLine // guarded by mu
	more    chan struct{} // guarded by mu: closed when there is one more
	follows int           // guarded by mu: answers under way that have no end
	most    int           // guarded by mu: of these at once
}

func (b *logbook) write(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range n {
		i := len(b.lines)
		b.lines = append(b.lines, api.LogLine{Time: time.Unix(1_900_000_000+int64(i/3), 0).UTC(), Host: "here", Place: "0.0", Text: strconv.Itoa(i), ID: fmt.Sprintf("f-%d", 100+i)})
	}
	close(b.more)
	b.more = make(chan struct{})
}

// since returns the lines from a number on, and what is closed when there are more.
func (b *logbook) since(i int) ([]api.LogLine, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines[i:], b.more
}

func (b *logbook) serve(w http.ResponseWriter, r *http.Request) {
	q, err := api.ParseLogQuery("words", r.URL.Query(), time.Now())
	if err != nil {
		api.WriteError(w, api.Errorf(api.CodeInvalid, "%v", err))
		return
	}
	count := func(by int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.follows += by
		b.most = max(b.most, b.follows)
	}
	if q.Follow {
		count(1)
		defer count(-1)
	}
	list, more := b.since(0)
	at := len(list)
	list = list[len(list)-min(len(list), q.Tail):]
	for {
		for _, l := range list {
			if err := json.NewEncoder(w).Encode(l); err != nil {
				return
			}
		}
		_ = http.NewResponseController(w).Flush() // who is gone is seen below
		if !q.Follow {
			return
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
		list, more = b.since(at)
		at += len(list)
	}
}

// However many follow the same logs, a log server is followed once; all of them
// see the last lines, and each line after these once. When they are gone, so is it.
func TestFollowersShareOneFollow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, 1)
	f.start(0, false)
	b := &logbook{more: make(chan struct{})}
	b.write(10)
	f.logServer(b.serve)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const readers = 34
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := make([][]string, readers)
	for i := range readers {
		wg.Go(func() {
			if err := f.nimbus.Logs(ctx, api.LogQuery{Topology: "words", Tail: 5, Follow: true}, func(l api.LogLine) error {
				mu.Lock()
				defer mu.Unlock()
				got[i] = append(got[i], l.Text)
				return nil
			}); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		})
		b.write(3) // while they come
	}
	eventually(t, "all have come", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return !slices.ContainsFunc(got, func(list []string) bool { return len(list) == 0 })
	})
	b.write(7)
	last := strconv.Itoa(10 + 3*readers + 7 - 1)
	eventually(t, "all have the last line", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return !slices.ContainsFunc(got, func(list []string) bool { return list[len(list)-1] != last })
	})
	mu.Lock()
	for i, list := range got {
		first, err := strconv.Atoi(list[0])
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for n := first; n < 10+3*readers+7; n++ {
			want = append(want, strconv.Itoa(n))
		}
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("reader %d: %s", i, diff)
		}
	}
	mu.Unlock()
	b.mu.Lock()
	if b.most != 1 {
		t.Errorf("%d follows at once", b.most)
	}
	b.mu.Unlock()
	cancel()
	wg.Wait()
	eventually(t, "nobody follows any more", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.follows == 0
	})
}
