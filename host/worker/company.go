package worker

import (
	"context"
	"sync"
	"time"
)

// companyPause is how long a worker that ends waits for the others of its run
// to end too. Those that do are told at the same time; a worker whose tasks have
// moved ends alone.
const companyPause = time.Second

// company is how far the other workers of the run are that end at the same time
// as this one: components stop in order over all of them.
type company struct {
	mu      sync.Mutex
	stopped map[uint64]int // guarded by mu: by worker, how many groups of components have; missing: it does not end
}

// note takes what a worker says of itself.
func (c *company) note(worker uint64, groups int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped == nil {
		c.stopped = map[uint64]int{}
	}
	c.stopped[worker] = max(groups, c.stopped[worker])
}

// behind tells whether one of the peers ends, and has not stopped so many groups yet.
func (c *company) behind(peers map[uint64]*peer, groups int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range peers {
		if n, ends := c.stopped[id]; ends && n < groups {
			return true
		}
	}
	return false
}

// complete tells whether all of the peers end.
func (c *company) complete(peers map[uint64]*peer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range peers {
		if _, ends := c.stopped[id]; !ends {
			return false
		}
	}
	return true
}

// announce tells all others that so many groups of components have stopped here.
// It goes behind the rows that these have emitted.
func (w *Worker) announce(groups int) {
	body := le.AppendUint32(le.AppendUint64(nil, w.self), uint32(groups))
	for _, p := range *w.peers.Load() {
		p.link.Send(msgStopped, body)
	}
}

// gather waits a moment for the others to end as well.
func (w *Worker) gather(ctx context.Context) error {
	w.announce(0)
	pause := time.NewTimer(companyPause)
	defer pause.Stop()
	return w.until(ctx, pause.C, func() bool { return w.company.complete(*w.peers.Load()) })
}

// hurryPause is how long a worker that has given up what was in flight still
// waits for what comes of it, at each step of its end.
const hurryPause = time.Second

// until waits for something that [Worker.stir] is called for, or for the limit.
func (w *Worker) until(ctx context.Context, limit <-chan time.Time, ok func() bool) error {
	hurry := w.hurry
	for !ok() {
		select {
		case <-w.quiet:
		case <-hurry:
			hurry = nil
			pause := time.NewTimer(hurryPause)
			defer pause.Stop()
			limit = pause.C
		case err := <-w.failed:
			return err
		case <-limit:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
