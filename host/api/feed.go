package api

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/plainjson"
)

// How often the subjects of a feed are looked at.
const (
	feedPeriod = time.Second

	// feedShare bounds the cost: looking takes at most one part in so many of the
	// time, so that a topology of 500 workers is asked less often.
	feedShare = 8

	feedPatience = 10 * time.Second // for one look
)

// subject is something that a feed keeps looking at.
type subject struct {
	kind string
	look func(context.Context) (any, error)
}

// news is the last that is known of a subject.
type news struct {
	kind    string
	subject string // of trouble; else empty
	data    []byte // JSON
	turn    int64  // of the feed, when it changed last
	over    bool   // of no interest to who has not heard what it ends
}

// trouble says that a subject cannot be looked at for the moment.
type trouble struct {
	Subject string `json:"subject"`
	Text    string `json:"text"` // empty: it is over
}

// feed looks at its subjects for as long as somebody reads it, once for all
// readers. A reader gets the last of each subject, and misses what it is too slow
// for; nothing is queued.
type feed struct {
	cancel  context.CancelFunc
	ended   chan struct{} // closed when all goroutines have returned
	readers int           // guarded by the mu of feeds

	mu    sync.Mutex
	fresh chan struct{} // guarded by mu: closed, and replaced, when something changes
	turn  int64         // guarded by mu
	last  []news        // guarded by mu
	err   error         // guarded by mu: why nothing more comes
}

// feeds are those that somebody reads.
type feeds struct {
	mu   sync.Mutex
	open map[string]*feed // guarded by mu
}

// join returns the feed of that name for one more reader, who leaves it when done.
func (f *feeds) join(name string, subjects []subject) *feed {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.open[name]; x != nil {
		x.readers++
		return x
	}
	ctx, cancel := context.WithCancel(context.Background())
	x := &feed{cancel: cancel, ended: make(chan struct{}), readers: 1, fresh: make(chan struct{})}
	if f.open == nil {
		f.open = map[string]*feed{}
	}
	f.open[name] = x
	var wg crash.Group
	for _, s := range subjects {
		wg.Go(func() { x.follow(ctx, s) })
	}
	crash.Go(func() {
		defer close(x.ended)
		wg.Wait()
	})
	return x
}

// leave is called once for each join. The last to leave ends the feed, and
// waits for it.
func (f *feeds) leave(name string, x *feed) {
	f.mu.Lock()
	x.readers--
	last := x.readers == 0
	if last && f.open[name] == x {
		delete(f.open, name)
	}
	f.mu.Unlock()
	if last {
		x.cancel()
		<-x.ended
	}
}

// retire makes the next reader begin a new feed: this one has failed.
func (f *feeds) retire(name string, x *feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[name] == x {
		delete(f.open, name)
	}
}

// follow looks at a subject until ctx ends, or there is nothing to see any more.
func (x *feed) follow(ctx context.Context, s subject) {
	for {
		began := time.Now()
		looking, cancel := context.WithTimeout(ctx, feedPatience)
		value, err := s.look(looking)
		cancel()
		if ctx.Err() != nil {
			return
		}
		var e *Error
		switch {
		case errors.As(err, &e) && (e.Code == CodeNotFound || e.Code == CodeNoLeader):
			x.fail(e)
			return
		case err != nil: // it may pass
			x.publish(news{kind: "trouble", subject: s.kind}, trouble{s.kind, err.Error()})
		default:
			x.publish(news{kind: s.kind}, value)
			x.publish(news{kind: "trouble", subject: s.kind, over: true}, trouble{Subject: s.kind})
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(feedPeriod-time.Since(began), feedShare*time.Since(began))):
		}
	}
}

// publish makes a value the last of its kind and subject, if it is a new one. An
// end is published only of what there is.
func (x *feed) publish(now news, value any) {
	data, err := plainjson.Marshal(value)
	if err != nil {
		x.fail(Errorf(CodeInternal, "%s: %v", now.kind, err))
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.turn++
	now.data, now.turn = data, x.turn
	at := slices.IndexFunc(x.last, func(n news) bool { return n.kind == now.kind && n.subject == now.subject })
	switch {
	case at < 0 && now.over || at >= 0 && bytes.Equal(x.last[at].data, data):
		return
	case at < 0:
		x.last = append(x.last, now)
	default:
		x.last[at] = now
	}
	x.wake()
}

func (x *feed) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = err
		x.wake()
	}
}

// wake wakes the readers. The caller holds mu.
func (x *feed) wake() {
	close(x.fresh)
	x.fresh = make(chan struct{})
}

// since returns what changed after a turn, the present turn, and what is
// closed when there is more. Turn 0 is that of a reader who has heard nothing yet.
func (x *feed) since(turn int64) (list []news, now int64, fresh <-chan struct{}, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, n := range x.last {
		if n.turn > turn && (turn > 0 || !n.over) {
			list = append(list, n)
		}
	}
	return list, x.turn, x.fresh, x.err
}
