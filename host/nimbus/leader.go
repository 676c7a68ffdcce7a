package nimbus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

const (
	reloadPause = time.Second // after the coordinator did not answer
	maxEvents   = 1024        // of workers, waiting for the loop
	maxSteps    = 100         // plans for one topology in one go; more would be a circle
)

// leader is a nimbus in its term.
type leader struct {
	// Fixed at construction.
	c    *cluster.Cluster
	o    Options
	term *cluster.Term

	requests chan request     // unbuffered; never closed
	events   chan workerEvent // bounded; never closed
	done     chan struct{}    // closed when the loop has ended
	uploads  uploads

	// Owned by the loop.
	world   *world
	watched map[workerKey]context.CancelFunc
	wg      crash.Group
	wake    time.Time
	loaded  bool // world is what the coordinator has
	swept   bool // no bundle lies about that nobody names

	// Versions never change: read once. Owned by the loop; of a topology
	// that is gone the entries go too.
	versions map[versionKey]*cluster.Version

	// Errors of runs that are over, of each topology. Owned by the loop; the
	// lists are replaced, and not changed.
	past map[topology.Name][]cluster.PastFailures
}

// request is something that the API wants done by the loop.
type request struct {
	do   func(context.Context) error
	done chan error // capacity 1
}

type workerKey struct {
	run   cluster.RunID
	place cluster.Place
}

type workerEvent struct {
	key   workerKey
	state cluster.WorkerState
}

func newLeader(c *cluster.Cluster, o Options, term *cluster.Term) *leader {
	return &leader{c: c, o: o, term: term, requests: make(chan request), events: make(chan workerEvent, maxEvents),
		done: make(chan struct{}), watched: map[workerKey]context.CancelFunc{}, versions: map[versionKey]*cluster.Version{}, past: map[topology.Name][]cluster.PastFailures{}}
}

// run leads until ctx, which is the term's, ends.
func (l *leader) run(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	defer l.wg.Wait()
	defer stop()
	defer close(l.done)
	supervisors := l.c.WatchSupervisors(watching)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for told := l.o.Leading == nil; ; {
		var req *request
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-supervisors:
			err = l.loadSupervisors(ctx)
		case e := <-l.events:
			l.apply(e)
		case r := <-l.requests:
			req = &r
		case <-timer.C:
		}
		if err == nil {
			l.drainEvents()
			err = l.turn(ctx, watching, req)
		}
		if err := l.broken(ctx, err); err != nil {
			return err
		}
		switch {
		case err != nil:
			l.loaded = false
			l.wake = time.Now().Add(reloadPause)
		case !told:
			told = true
			l.o.Leading()
		}
		if l.wake.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(l.wake))
		}
	}
}

// turn is one turn of the loop: it answers a request, if there is one, and then
// does whatever is to be done.
func (l *leader) turn(ctx, watching context.Context, req *request) error {
	err := l.load(ctx)
	if req != nil {
		if err == nil {
			l.world.now = time.Now().UTC()
			req.done <- req.do(ctx)
			err = l.load(ctx) // if it went wrong
		} else {
			req.done <- err
		}
	}
	if err == nil {
		err = l.settle(ctx)
	}
	if err == nil {
		l.follow(watching)
	}
	return err
}

// broken tells errors that end the leader from those that time heals: it
// returns nil for the latter.
func (l *leader) broken(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, cluster.ErrDeposed):
		return nil // the loop ends with ctx
	case errors.Is(err, cluster.ErrUnavailable):
		l.o.Log.Warn("coordinator does not answer", "err", err)
		return nil
	}
	return err
}

func (l *leader) drainEvents() {
	for {
		select {
		case e := <-l.events:
			l.apply(e)
		default:
			return
		}
	}
}

// apply takes what a worker's watch has seen.
func (l *leader) apply(e workerEvent) {
	if l.world == nil {
		return // its watch begins anew after the load
	}
	v := l.world.topologies[e.key.run.Topology]
	r := v.known(e.key.run.Number)
	if r == nil {
		return
	}
	w := r.workers[e.key.place]
	if w == nil {
		w = &workerView{since: time.Now().UTC()}
		r.workers[e.key.place] = w
	}
	lived := w.alive()
	if e.state.Bad != nil && w.state.Bad == nil {
		l.o.Log.Warn("a worker's record is ignored", "err", e.state.Bad)
	}
	w.state = e.state
	switch {
	case w.alive():
		w.since = time.Time{}
	case lived:
		w.since = time.Now().UTC()
		l.o.Log.Info("worker is gone", "topology", e.key.run.Topology, "slot", e.key.place.String())
	}
}

// settle carries out plans until nothing is to be done but to wait.
func (l *leader) settle(ctx context.Context) error {
	l.wake = time.Time{}
	s := l.c.Session()
	if !s.Connected {
		return nil // supervisors' watch tells of the reconnect
	}
	// After it (re)connects everybody had a session's time to come back.
	l.world.believe = s.Since.Add(s.Timeout).UTC()
	for range maxSteps {
		l.wake = time.Time{}
		worked := false
		for _, name := range slices.Sorted(maps.Keys(l.world.topologies)) {
			did, err := l.settleOne(ctx, name)
			if err != nil {
				return err
			}
			worked = worked || did
		}
		if !worked {
			return l.sweep(ctx)
		}
		// What one topology gave up another may have waited for.
	}
	return errors.New("the plans for all topologies together do not come to an end")
}

// settleOne carries out the plans for one topology, and returns whether there were any.
func (l *leader) settleOne(ctx context.Context, name topology.Name) (worked bool, err error) {
	for range maxSteps {
		v := l.world.topologies[name]
		if v == nil {
			return worked, nil
		}
		l.world.now = time.Now().UTC()
		p := next(l.world, v)
		if p.idle() {
			l.wake = sooner(l.wake, p.wake)
			return worked, nil
		}
		if err := l.carryOut(ctx, name, p); err != nil {
			return worked, err
		}
		worked = true
	}
	return worked, fmt.Errorf("topology %s: the plans for it do not come to an end", name)
}

// carryOut does what a plan says, and reads what has become of it.
func (l *leader) carryOut(ctx context.Context, name topology.Name, p *plan) error {
	var err error
	switch {
	case p.gone:
		err = l.term.RemoveTopology(ctx, name)
		l.o.Log.Info("topology removed", "topology", name)
	case !p.batch.Empty():
		err = l.write(ctx, &p.batch)
		for _, place := range p.shun {
			l.world.shunned[place] = l.world.now.Add(l.o.Rules.Shun)
		}
		for _, e := range p.events {
			l.o.Log.Info(e, "topology", name)
		}
	}
	for _, run := range p.runs {
		if err == nil {
			err = l.keepFailures(ctx, l.world.topologies[name], run)
		}
		if err == nil {
			err = l.term.RemoveRun(ctx, run)
		}
	}
	if err != nil {
		return fmt.Errorf("topology %s: %w", name, err)
	}
	l.swept = false
	return l.reload(ctx, name)
}

// submit has the loop do something, and waits for it.
func (l *leader) submit(ctx context.Context, do func(context.Context) error) error {
	r := request{do, make(chan error, 1)}
	select {
	case l.requests <- r:
	case <-l.done:
		return cluster.ErrDeposed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-r.done:
		return err
	case <-l.done:
		return cluster.ErrDeposed
	}
}
