package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/shells"
)

// maxComplaint bounds what nimbus is told, in bytes.
const maxComplaint = 4 << 10

// specName is the file in a place's folder that tells its worker what to be.
// keeper looks after one lane of a slot.
type keeper struct {
	// Fixed at construction.
	s      *Supervisor
	place  cluster.Place
	socket string
	folder string
	log    *slog.Logger
	wants  chan cluster.Placement // capacity 1, the latest; the zero Placement: nobody's
	news   chan news              // bounded; never closed
	done   chan struct{}          // closed when the keeper has ended

	// Owned by the loop.
	state  state
	placed cluster.Placement // of state.wanted
	bundle string            // the unpacked code, when fetched
	life   int               // numbers the processes
	body   *body             // of the present process; nil if there is none
}

// news is an event, with what came with it.
type news struct {
	event  event
	life   int // of which process
	bundle string
	peer   *slot.Peer
	why    string
	ours   bool // why is this machine's fault, or the code's: waiting alone does not help
}

func (s *Supervisor) newKeeper(place cluster.Place) *keeper {
	return &keeper{s: s, place: place, socket: slot.Socket(s.o.Dir, place.Local()), folder: filepath.Join(s.o.Dir, "workers", place.Local()),
		log: s.o.Log.With("slot", place.Local()), wants: make(chan cluster.Placement, 1), news: make(chan news, 16), done: make(chan struct{}), state: state{phase: empty}}
}

// want says whose worker is to be there.
func (k *keeper) want(p cluster.Placement) {
	select {
	case <-k.wants:
	default:
	}
	k.wants <- p
}

// run looks after the lane until nobody is there and nobody is wanted. When ctx ends the worker lives on.
func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	defer k.forget()
	timer := time.NewTimer(0)
	defer timer.Stop()
	times, hurry := k.s.o.Times, k.s.hurry
	for {
		n := news{event: looked}
		select {
		case <-ctx.Done():
			return
		case p := <-k.wants:
			k.placed, k.state.wanted = p, p.Run
		case n = <-k.news:
		case <-hurry:
			hurry, times.Stop = nil, 0
		case <-timer.C:
		}
		if !k.take(ctx, n) {
			continue
		}
		before, has := k.state.phase, k.state.has
		var do action
		k.state, do = step(input{state: k.state, event: n.event, why: n.why, jitter: rand.Float64(), now: time.Now(), times: times})
		if n.why != "" {
			level := slog.LevelWarn
			if n.event == ended && before == stopping {
				level = slog.LevelInfo
			}
			k.log.Log(ctx, level, n.why, "topology", has.Topology, "run", has.Number)
			if n.ours && has == k.state.wanted {
				k.complain(ctx, has, n.why)
			}
		}
		if k.state.phase != before {
			if before == empty {
				has = k.state.has
			}
			k.s.book.note(k.place, k.state.phase)
			k.log.Info("slot is "+string(k.state.phase), "topology", has.Topology, "run", has.Number)
		}
		if do == leave {
			return
		}
		k.do(ctx, do)
		if at := k.state.deadline(times); at.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(at))
		}
	}
}

// complain tells nimbus why there is no worker, which could do so itself.
func (k *keeper) complain(ctx context.Context, run cluster.RunID, why string) {
	k.s.wg.Go(func() {
		err := k.s.c.SetReport(ctx, run, k.place, &cluster.Report{Incarnation: cluster.NewIncarnation(), Fatal: cluster.Cut(why, maxComplaint)})
		if err != nil && ctx.Err() == nil && !errors.Is(err, cluster.ErrGone) {
			k.log.Warn("nimbus is not told of it", "err", err)
		}
	})
}

// take keeps what came with news. False: they are of a process that is gone.
func (k *keeper) take(ctx context.Context, n news) bool {
	if n.life != k.life && n.event != looked {
		if n.peer != nil {
			n.peer.Close()
		}
		return false
	}
	if n.bundle != "" {
		k.bundle = n.bundle
	}
	switch {
	case n.event == found:
		k.life++
		k.state.has, k.state.began = n.peer.Identity.Run, n.peer.Identity.Started
		k.attend(ctx, &body{guardian: n.peer.Guardian, peer: n.peer})
	case n.peer != nil:
		k.body.peer = n.peer
	}
	if n.event == ended {
		k.forget()
		k.life++ // an answer of it may still be on its way
	}
	return true
}

// tell sends news to the loop, unless it has ended.
func (k *keeper) tell(n news) bool {
	select {
	case k.news <- n:
		return true
	case <-k.done:
		return false
	}
}

// do carries out an action. None of them waits: what comes of it is news.
func (k *keeper) do(ctx context.Context, a action) {
	switch a {
	case fetch:
		placed, life := k.placed, k.life
		k.s.wg.Go(func() { k.tell(k.prepare(ctx, placed, life)) })
	case start:
		if err := k.start(ctx); err != nil {
			n := news{event: failed, life: k.life, why: fmt.Sprintf("worker could not be started: %v", err), ours: true}
			k.s.wg.Go(func() { k.tell(n) })
		}
	case stop:
		peer := k.body.peer
		k.s.wg.Go(func() {
			asking, cancel := context.WithTimeout(ctx, k.s.o.Times.Silent)
			defer cancel()
			if err := peer.Stop(asking); err != nil && ctx.Err() == nil {
				k.log.Warn("worker does not take the order to end", "err", err)
			}
		})
	case kill:
		k.kill()
	}
}

// start starts a worker under a guardian.
func (k *keeper) start(ctx context.Context) error {
	spec := k.s.o.Spec
	spec.Run, spec.Place, spec.Bundle, spec.Folder, spec.Socket = k.placed.Run, k.place, k.bundle, k.folder, k.socket
	if k.s.o.Access != nil {
		spec.Access = k.s.o.Access(spec.Run, spec.Place)
	}
	spec.Logs = slot.Logs(k.s.o.Dir, string(k.placed.Run.Topology), k.place.Local())
	for _, dir := range []string{filepath.Join(spec.Folder, "scratch"), spec.Logs} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	specFile, exitFile := slot.SpecFile(k.s.o.Dir, k.place.Local()), slot.ExitFile(k.s.o.Dir, k.place.Local())
	if err := spec.Save(specFile); err != nil {
		return err
	}
	if err := os.Remove(exitFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// A file, not a pipe: a worker must not die of a supervisor that is dead.
	logFile := filepath.Join(spec.Logs, slot.LogFile)
	if err := slot.RotateLog(logFile); err != nil {
		return err
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := k.s.o.Command(specFile)
	cmd.Stdout, cmd.Stderr = log, log
	guard, err := shells.Guard(cmd, shells.GuardOptions{ExitFile: exitFile})
	if err != nil {
		return err
	}
	k.life++
	b := &body{guard: guard}
	// Our child: nobody else gets its pid before we have waited for it.
	if b.guardian, err = slot.OpenProcess(guard.PID()); err != nil {
		k.s.wg.Go(func() { _ = guard.Wait() })
		return errors.Join(err, guard.Kill())
	}
	k.log.Info("worker started", "topology", spec.Run.Topology, "pid", guard.Worker())
	k.attend(ctx, b)
	return nil
}

// look connects to the worker in this lane that another supervisor has started.
// Nil: there is none. One that does not say who it is has no Identity.
func (k *keeper) look(ctx context.Context) *slot.Peer {
	ctx, cancel := context.WithTimeout(ctx, k.s.o.Times.Silent)
	defer cancel()
	sockets := []string{k.socket}
	if spec, err := slot.ReadSpec(slot.SpecFile(k.s.o.Dir, k.place.Local())); err == nil && spec.Place == k.place && spec.Socket != k.socket {
		sockets = append(sockets, spec.Socket) // it was started with another XDG_RUNTIME_DIR
	}
	for _, socket := range sockets {
		peer, err := slot.Connect(ctx, socket)
		if peer == nil {
			continue
		}
		if err == nil && peer.Identity.Place != k.place {
			err = fmt.Errorf("it says it is in %s", peer.Identity.Place)
		}
		if err != nil {
			k.log.Warn("worker found that does not answer for this place: it is to end", "pid", peer.Worker.PID, "err", err)
			peer.Identity = slot.Identity{Run: cluster.RunID{Topology: "unknown"}}
		}
		return peer
	}
	return nil
}

// adopt takes over the worker in this lane that another supervisor started, if
// there is one. It returns whether there is.
func (k *keeper) adopt(ctx context.Context) bool {
	peer := k.look(ctx)
	if peer == nil {
		return false
	}
	now := time.Now()
	k.life++
	k.state = state{phase: running, since: now, heard: now, awake: now, has: peer.Identity.Run, began: peer.Identity.Started}
	if peer.Identity.Run.Number > 0 {
		k.state.wanted = peer.Identity.Run // until somebody says otherwise
	}
	k.log.Info("worker found", "topology", k.state.has.Topology, "run", k.state.has.Number, "pid", peer.Worker.PID)
	k.attend(ctx, &body{guardian: peer.Guardian, peer: peer})
	return true
}

// prepare gets the code for a worker. If there is one already, which was only
// just starting when its supervisor died, it is found now.
func (k *keeper) prepare(ctx context.Context, placed cluster.Placement, life int) news {
	if peer := k.look(ctx); peer != nil {
		return news{event: found, life: life, peer: peer}
	}
	dir, err := k.s.code.get(ctx, placed.Bundle)
	if err != nil {
		ours := !errors.Is(err, cluster.ErrUnavailable) && ctx.Err() == nil
		return news{event: failed, life: life, why: fmt.Sprintf("the code of %s is not there: %v", placed.Run, err), ours: ours}
	}
	return news{event: fetched, life: life, bundle: dir}
}
