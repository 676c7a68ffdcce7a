package nimbus

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
)

// Bounds of logs that are followed.
const (
	followWaiting = 1 << 14         // lines that wait for one reader; more are left out, and it is told
	followBytes   = 16 << 20        // likewise; about
	followBegin   = 4 * time.Second // for log servers to answer, until those that have not are read without
)

// follows are the logs that somebody follows: all who want the same lines share
// one connection to each log server.
type follows struct {
	mu   sync.Mutex
	open map[api.LogQuery]*follow // guarded by mu; by what distinguishes lines
}

// follow reads what is written from now on, for as long as it has readers.
type follow struct {
	servers []string // whose lines it has
	cancel  context.CancelFunc
	begun   chan struct{} // closed when all log servers have begun, or said why not
	ended   chan struct{} // closed when nothing more comes

	mu      sync.Mutex
	readers map[*followReader]bool // guarded by mu
	lost    bool                   // guarded by mu: a log server is missing, or has gone
}

// followReader is what waits for one reader.
type followReader struct {
	of    *follow
	fresh chan struct{} // capacity 1

	mu      sync.Mutex
	waiting []api.LogLine // guarded by mu
	bytes   int           // guarded by mu: of these, about
	left    int           // guarded by mu: lines there was no room for
}

// join returns a reader of what is written from now on, who leaves when done.
// One follow serves all, until the log servers are others than those that it has.
func (f *follows) join(q api.LogQuery, servers []cluster.LogServer) *followReader {
	key := q
	key.Tail, key.Since, key.FromNow, key.Follow = 0, time.Time{}, true, true
	var names []string
	for _, s := range servers {
		names = append(names, s.Address+" "+s.Token)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.open[key]
	if x == nil || !slices.Equal(x.servers, names) || !x.whole() {
		if f.open == nil {
			f.open = map[api.LogQuery]*follow{}
		}
		x = newFollow(key, servers)
		x.servers = names
		f.open[key] = x
	}
	r := &followReader{of: x, fresh: make(chan struct{}, 1)}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.readers[r] = true
	return r
}

// leave is called once for each join. The last to leave ends the follow, and waits for it.
func (f *follows) leave(r *followReader) {
	x := r.of
	f.mu.Lock()
	x.mu.Lock()
	delete(x.readers, r)
	last := len(x.readers) == 0
	x.mu.Unlock()
	if last {
		for key, o := range f.open {
			if o == x {
				delete(f.open, key)
			}
		}
	}
	f.mu.Unlock()
	if last {
		x.cancel()
		<-x.ended
	}
}

func newFollow(q api.LogQuery, servers []cluster.LogServer) *follow {
	ctx, cancel := context.WithCancel(context.Background())
	x := &follow{cancel: cancel, begun: make(chan struct{}), ended: make(chan struct{}), readers: map[*followReader]bool{}}
	var waiting atomic.Int64 // for log servers; there is at least one
	waiting.Store(int64(len(servers)))
	oneLess := func() {
		if waiting.Add(-1) == 0 {
			close(x.begun)
		}
	}
	ask := func(ctx context.Context, s *api.LogServer, send func(api.LogLine) error) error {
		begun := sync.OnceFunc(oneLess)
		defer begun()
		err := s.LogsFrom(ctx, q, begun, send)
		if ctx.Err() == nil {
			x.mu.Lock()
			x.lost = true
			x.mu.Unlock()
		}
		return err
	}
	crash.Go(func() {
		defer close(x.ended)
		_ = each(ctx, servers, ask, lostLine, func(lines <-chan api.LogLine) error { // what is lost is a line
			return inOrder(ctx, lines, x.pass)
		})
	})
	return x
}

// whole tells whether all log servers are read, and it goes on.
func (x *follow) whole() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.lost
}

// pass gives a line to all readers. It waits for none of them.
func (x *follow) pass(l api.LogLine) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.readers {
		r.add(l)
	}
	return nil
}

func (r *followReader) add(l api.LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := len(l.Text)
	for key, value := range l.More {
		size += len(key) + len(fmt.Sprint(value))
	}
	if r.bytes += size; len(r.waiting) >= followWaiting || r.bytes > followBytes {
		r.bytes -= size
		r.left++
	} else {
		r.waiting = append(r.waiting, l)
	}
	select {
	case r.fresh <- struct{}{}:
	default:
	}
}

// take returns what waits.
func (r *followReader) take() []api.LogLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.waiting
	if r.left > 0 {
		list = append(list, api.LogLine{Time: time.Now().UTC(), Level: "WARN", Text: fmt.Sprintf("(%d lines are left out: more came than were read)", r.left)})
	}
	r.waiting, r.bytes, r.left = nil, 0, 0
	return list
}

// begin waits until what is written is read, for a while.
func (r *followReader) begin(ctx context.Context) {
	timer := time.NewTimer(followBegin)
	defer timer.Stop()
	select {
	case <-r.of.begun:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// read calls f with lines as they come, but for those that another reading has
// had before, until ctx ends, nothing more comes, or f fails.
func (r *followReader) read(ctx context.Context, had *seen, f func(api.LogLine) error) error {
	for ended := false; ; {
		for _, l := range r.take() {
			if had.has(&l) {
				continue
			}
			if err := f(l); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		select {
		case <-r.fresh:
		case <-r.of.ended:
			ended = true // and once more, for the last lines
		case <-ctx.Done():
			return nil
		}
	}
}

// seen is what was read of logs up to a moment: of the machines, and of the
// places on them.
type seen struct {
	from map[string]time.Time // by host: the first line; what is older there was left out
	upTo api.Resume
}

func newSeen(lines []api.LogLine) *seen {
	s := &seen{from: map[string]time.Time{}}
	for i := range lines {
		l := &lines[i]
		s.upTo.Fresh(l)
		if at, known := s.from[l.Host]; l.ID != "" && (!known || l.Time.Before(at)) {
			s.from[l.Host] = l.Time
		}
	}
	s.upTo.Break()
	return s
}

// has tells whether a line that comes later was read, or was too old to be.
func (s *seen) has(l *api.LogLine) bool {
	return l.ID != "" && (l.Time.Before(s.from[l.Host]) || !s.upTo.Fresh(l))
}
