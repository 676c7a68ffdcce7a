package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/flock"
	"github.com/polybolt/polybolt/host/slot"
)

const (
	retryPause = time.Second     // after the coordinator did not answer
	reapEvery  = 5 * time.Minute // bundles that nothing uses go
)

// Supervisor runs the workers of one machine. Run it once.
type Supervisor struct {
	// Fixed at construction.
	o    Options
	c    *cluster.Cluster
	code *code
	book book

	// Owned by Run.
	id      cluster.SupervisorID
	ports   *ports
	keepers map[cluster.Place]*keeper
	wanted  map[cluster.Place]cluster.Placement
	certain bool         // wanted is what the coordinator said, not what was remembered
	ending  bool         // all workers are to end
	left    chan *keeper // of keepers that have ended; unbuffered, never closed

	wg crash.Group // everything that was started

	ready              chan struct{} // closed by Run
	end, hurry         chan struct{} // closed by End and Hurry
	endOnce, hurryOnce sync.Once
}

// New returns a supervisor. It starts nothing.
func New(c *cluster.Cluster, o Options) (*Supervisor, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("supervisor: %w", err)
	}
	return &Supervisor{o: o, c: c, keepers: map[cluster.Place]*keeper{}, left: make(chan *keeper),
		ready: make(chan struct{}), end: make(chan struct{}), hurry: make(chan struct{}),
		code: &code{dir: filepath.Join(o.Dir, "bundles"), fetch: c.FetchBundle, limits: o.Bundle, log: o.Log}}, nil
}

// ErrBusy says that another supervisor uses the folder.
var ErrBusy = errors.New("another supervisor uses this folder")

// Ready is closed when the folder is the supervisor's, and says who it is.
func (s *Supervisor) Ready() <-chan struct{} { return s.ready }

// End has all workers end in order, and then Run return. What nimbus wants is
// kept: the next supervisor of the folder starts them again. It may be called at any time, by anybody.
func (s *Supervisor) End() { s.endOnce.Do(func() { close(s.end) }) }

// Hurry is End for workers that are not given time: they are killed.
func (s *Supervisor) Hurry() {
	s.End()
	s.hurryOnce.Do(func() { close(s.hurry) })
}

// Run supervises until ctx ends, and returns nil then; the workers live on. It
// also returns when all have ended after End. An error is a broken invariant:
// the process is to end, and to start anew.
func (s *Supervisor) Run(ctx context.Context) (err error) {
	release, err := s.open()
	if err != nil {
		return err
	}
	defer release()
	close(s.ready)
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer s.wg.Wait()
	defer cancel(nil)
	if err := s.code.clean(); err != nil {
		return err
	}
	if s.o.LogServer != nil {
		s.wg.Go(func() { s.keepLogServer(ctx) })
	}
	s.adoptAll(ctx)
	s.recall()
	s.apply(ctx)
	s.wg.Go(func() {
		if err := s.register(ctx); err != nil {
			cancel(err)
		}
	})
	if err := s.loop(ctx); err != nil {
		return err
	}
	if outer.Err() != nil {
		return nil
	}
	return context.Cause(ctx) // nil after End
}

// open makes the folder and the slots' ports ours, until release is called.
func (s *Supervisor) open() (release func(), err error) {
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := flock.Take(filepath.Join(s.o.Dir, "lock"))
	if errors.Is(err, flock.ErrHeld) {
		return nil, fmt.Errorf("%s: %w", s.o.Dir, ErrBusy)
	}
	if err != nil {
		return nil, err
	}
	if s.id, err = identity(s.o.Dir); err == nil {
		s.o.Log = s.o.Log.With("supervisor", s.id)
		s.book.open(&s.o, s.id)
		s.ports, err = keepPorts(s.o.Dir, s.o.listenAt(), s.o.Slots, s.moved)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return func() {
		s.ports.close()
		_ = lock.Release() // the process's end does the same
	}, nil
}

// moved tells that a slot has another port than before.
func (s *Supervisor) moved(slot, from, to int) {
	s.o.Log.Warn("another process has the port of a slot, whose next worker gets another one", "slot", slot, "port", from, "new", to)
}

// register says what this machine offers.
func (s *Supervisor) register(ctx context.Context) error {
	if err := s.c.Prepare(ctx); err != nil {
		return err
	}
	return s.c.KeepSupervisor(ctx, &cluster.Supervisor{
		ID: s.id, Host: s.o.Host, Address: s.o.Address, Slots: s.ports.of, Version: s.o.Version, PID: os.Getpid(), Started: time.Now().UTC(),
	})
}

// loop follows what nimbus wants.
func (s *Supervisor) loop(ctx context.Context) error {
	changes := s.c.WatchPlacements(ctx, s.id)
	reap := time.NewTicker(reapEvery)
	defer reap.Stop()
	var retry <-chan time.Time
	end := s.end
	for !s.ending || len(s.keepers) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			end, changes, retry = nil, nil, nil
			s.ending = true
			s.apply(ctx)
			continue
		case <-changes:
		case <-retry:
		case k := <-s.left:
			if s.keepers[k.place] == k {
				delete(s.keepers, k.place)
			}
			s.apply(ctx)
			s.reap()
			continue
		case <-reap.C:
			s.reap()
			s.reapLogs()
			continue
		}
		retry = nil
		list, err := s.c.Placements(ctx, s.id)
		switch {
		case err == nil:
			s.wanted, s.certain = list, true
			s.remember()
			s.apply(ctx)
			s.reap()
		case ctx.Err() != nil:
		case errors.Is(err, cluster.ErrUnavailable):
			retry = time.After(retryPause)
		default:
			return err
		}
	}
	return nil
}

// apply tells the keepers what is wanted, and makes those that are missing.
func (s *Supervisor) apply(ctx context.Context) {
	if s.ending {
		for _, k := range s.keepers {
			k.want(cluster.Placement{})
		}
		return
	}
	for place, p := range s.wanted {
		k := s.keepers[place]
		if k == nil {
			if place.Slot >= len(s.ports.of) {
				s.o.Log.Warn("nimbus wants a worker in a slot that this supervisor no longer has", "slot", place.Local())
				continue
			}
			k = s.newKeeper(place)
			s.launch(ctx, k)
		}
		k.want(p)
	}
	if !s.certain {
		return // on mere memory nobody is ended
	}
	for place, k := range s.keepers {
		if _, wanted := s.wanted[place]; !wanted {
			k.want(cluster.Placement{})
		}
	}
}

func (s *Supervisor) launch(ctx context.Context, k *keeper) {
	s.keepers[k.place] = k
	s.wg.Go(func() {
		k.run(ctx)
		select {
		case s.left <- k:
		case <-ctx.Done():
		}
	})
}

// adoptAll finds the workers that an earlier supervisor of this folder has started.
func (s *Supervisor) adoptAll(ctx context.Context) {
	entries, err := os.ReadDir(filepath.Join(s.o.Dir, "workers"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.o.Log.Warn("workers of before are not looked for", "err", err)
	}
	var wg crash.Group
	found := make(chan *keeper, len(entries))
	for _, e := range entries {
		place, err := cluster.ParseLocal(s.id, e.Name())
		if err != nil {
			continue // not ours
		}
		wg.Go(func() {
			if k := s.newKeeper(place); k.adopt(ctx) {
				found <- k
			}
		})
	}
	wg.Wait()
	close(found)
	for k := range found {
		s.launch(ctx, k)
	}
}

func (s *Supervisor) memoryFile() string { return filepath.Join(s.o.Dir, "wanted.json") }

// remember writes down what is wanted, for a time without a coordinator.
func (s *Supervisor) remember() {
	b, err := json.Marshal(s.wanted)
	if err == nil {
		err = replaceFile(s.memoryFile(), b)
	}
	if err != nil {
		s.o.Log.Warn("what nimbus wants is not saved", "err", err)
	}
}

// recall reads what was wanted last.
func (s *Supervisor) recall() {
	b, err := os.ReadFile(s.memoryFile())
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	wanted := map[cluster.Place]cluster.Placement{}
	if err == nil {
		err = json.Unmarshal(b, &wanted)
	}
	for place, p := range wanted {
		err = errors.Join(err, p.Validate())
		if place.Supervisor != s.id {
			err = errors.Join(err, fmt.Errorf("it is that of %s", place.Supervisor))
		}
	}
	if err != nil {
		s.o.Log.Warn("what nimbus wanted last is not known", "err", err)
		return
	}
	s.wanted = wanted
}

// reap deletes code that no worker uses.
func (s *Supervisor) reap() {
	used := map[blob.Hash]bool{}
	for _, p := range s.wanted {
		used[p.Bundle.Hash] = true
	}
	for _, k := range s.keepers {
		if _, wanted := s.wanted[k.place]; !wanted {
			return // it still runs some code: later
		}
	}
	if err := s.code.reap(used); err != nil {
		s.o.Log.Warn("code that nothing uses is left", "err", err)
	}
}

// reapLogs deletes what nobody will ask for any more.
func (s *Supervisor) reapLogs() {
	busy := map[string]bool{}
	for place, p := range s.wanted {
		busy[slot.Logs(s.o.Dir, string(p.Run.Topology), place.Local())] = true
	}
	if err := reapLogs(s.o.Dir, busy, time.Now()); err != nil {
		s.o.Log.Warn("old logs are left", "err", err)
	}
}
