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
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/shells"
)

// connectEvery is how often a keeper tries the socket of a worker that starts.
const connectEvery = 20 * time.Millisecond

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

// body is a process that a keeper has got hold of.
type body struct {
	guardian *slot.Process
	guard    *shells.Guarded    // nil for a worker that another supervisor started
	peer     *slot.Peer         // nil until the worker has answered
	cancel   context.CancelFunc // ends what is done for it
}

// news is an event, with what came with it.
type news struct {
	event  event
	life   int // of which process
	bundle string
	peer   *slot.Peer
	why    string
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
	for {
		n := news{event: looked}
		select {
		case <-ctx.Done():
			return
		case p := <-k.wants:
			k.placed, k.state.wanted = p, p.Run
		case n = <-k.news:
		case <-timer.C:
		}
		if !k.take(n) {
			continue
		}
		before, has := k.state.phase, k.state.has
		var do action
		k.state, do = step(input{state: k.state, event: n.event, why: n.why, jitter: rand.Float64(), now: time.Now(), times: k.s.o.Times})
		if n.why != "" {
			level := slog.LevelWarn
			if n.event == ended && before == stopping {
				level = slog.LevelInfo
			}
			k.log.Log(ctx, level, n.why, "topology", has.Topology, "run", has.Number)
		}
		if k.state.phase != before {
			k.log.Info("slot is "+string(k.state.phase), "topology", has.Topology, "run", has.Number)
		}
		if do == leave {
			return
		}
		k.do(ctx, do)
		if at := k.state.deadline(k.s.o.Times); at.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(at))
		}
	}
}

// take keeps what came with news. False: they are of a process that is gone.
func (k *keeper) take(n news) bool {
	if n.life != k.life && n.event != looked {
		if n.peer != nil {
			n.peer.Close()
		}
		return false
	}
	if n.bundle != "" {
		k.bundle = n.bundle
	}
	if n.peer != nil {
		k.body.peer = n.peer
	}
	if n.event == ended {
		k.forget()
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
		k.s.wg.Go(func() {
			n := news{event: fetched, life: life}
			var err error
			if n.bundle, err = k.s.code.get(ctx, placed.Bundle); err != nil {
				n.event, n.why = failed, fmt.Sprintf("the code of %s is not there: %v", placed.Run, err)
			}
			k.tell(n)
		})
	case start:
		if err := k.start(ctx); err != nil {
			n := news{event: failed, life: k.life, why: fmt.Sprintf("worker could not be started: %v", err)}
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
	spec.Logs = k.s.logs(k.placed.Run, k.place)
	for _, dir := range []string{filepath.Join(spec.Folder, "scratch"), spec.Logs} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	specFile, exitFile := k.file("spec.json"), k.file("exit.json")
	if err := spec.Save(specFile); err != nil {
		return err
	}
	if err := os.Remove(exitFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// A file, not a pipe: a worker must not die of a supervisor that is dead.
	log, err := os.OpenFile(filepath.Join(spec.Logs, slot.LogFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
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

func (k *keeper) file(name string) string { return filepath.Join(k.folder, name) }

// adopt takes over the worker in this lane that another supervisor started, if
// there is one. It returns whether there is.
func (k *keeper) adopt(ctx context.Context) bool {
	asking, cancel := context.WithTimeout(ctx, k.s.o.Times.Silent)
	defer cancel()
	peer, err := slot.Connect(asking, k.socket)
	if peer == nil {
		return false
	}
	now := time.Now()
	k.life++
	// Taken for wanted until somebody says otherwise.
	k.state = state{phase: running, since: now, heard: now, has: peer.Identity.Run, wanted: peer.Identity.Run, began: peer.Identity.Started}
	b := &body{guardian: peer.Guardian, peer: peer}
	if err == nil && peer.Identity.Place != k.place {
		err = fmt.Errorf("it says it is in %s", peer.Identity.Place)
	}
	if err != nil {
		k.log.Warn("worker found that does not answer for this place: it is ended", "pid", peer.Worker.PID, "err", err)
		k.state = state{phase: killed, since: now, has: cluster.RunID{Topology: "unknown"}}
		k.attend(ctx, b)
		k.kill()
		return true
	}
	k.log.Info("worker found", "topology", k.state.has.Topology, "run", k.state.has.Number, "pid", peer.Worker.PID)
	k.attend(ctx, b)
	return true
}

// attend watches over a process.
func (k *keeper) attend(ctx context.Context, b *body) {
	k.body = b
	life := k.life
	ctx, b.cancel = context.WithCancel(ctx)
	guardian, guard, peer := b.guardian, b.guard, b.peer
	k.s.wg.Go(func() {
		select {
		case <-guardian.Done():
		case <-ctx.Done():
			return // forgotten, or the supervisor ends: the worker lives on
		}
		why := k.reason()
		if guard != nil {
			_ = guard.Wait() // the exit file tells more
		}
		k.tell(news{event: ended, life: life, why: why})
	})
	k.s.wg.Go(func() { k.ask(ctx, life, peer) })
}

// ask asks a worker again and again, so that its silence is noticed.
func (k *keeper) ask(ctx context.Context, life int, peer *slot.Peer) {
	ticker := time.NewTicker(connectEvery)
	defer ticker.Stop()
	for ; peer == nil; waitFor(ctx, ticker) {
		if ctx.Err() != nil {
			return
		}
		found, err := slot.Connect(ctx, k.socket)
		switch {
		case err == nil:
			peer = found
			if !k.tell(news{event: answered, life: life, peer: peer}) {
				peer.Close()
				return
			}
		case found != nil:
			found.Close()
		}
	}
	ticker.Reset(k.s.o.Times.Ask)
	for waitFor(ctx, ticker) {
		// An answer that takes longer than Silent makes the loop end the worker, and with it this.
		if err := peer.Ping(ctx); err != nil {
			if ctx.Err() == nil {
				k.log.Warn("worker does not answer", "err", err)
			}
			return
		}
		k.tell(news{event: answered, life: life})
	}
}

// waitFor waits for a tick. False: ctx has ended.
func waitFor(ctx context.Context, t *time.Ticker) bool {
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// kill ends the worker; its guardian ends the rest.
func (k *keeper) kill() {
	var err error
	if k.body.guard != nil {
		err = k.body.guard.Kill()
	} else {
		err = k.body.peer.Worker.Signal(syscall.SIGKILL)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		k.log.Error("worker cannot be ended", "err", err)
	}
}

// reason says how the worker ended, as its guardian wrote it down.
func (k *keeper) reason() string {
	e, err := shells.ReadGuardExit(k.file("exit.json"))
	switch {
	case err != nil:
		return fmt.Sprintf("worker ended, and its guardian with it: %v", err)
	case e.Signal != "":
		return fmt.Sprintf("worker %d was killed by %s after %v %s", e.PID, e.Signal, e.Ended.Sub(e.Started).Round(time.Millisecond), e.Why)
	case e.Code == 0:
		return fmt.Sprintf("worker %d ended after %v", e.PID, e.Ended.Sub(e.Started).Round(time.Millisecond))
	}
	return fmt.Sprintf("worker %d exited with code %d after %v %s", e.PID, e.Code, e.Ended.Sub(e.Started).Round(time.Millisecond), e.Why)
}

// forget lets go of the present process, dead or alive.
func (k *keeper) forget() {
	b := k.body
	if b == nil {
		return
	}
	k.body = nil
	b.cancel()
	if b.peer != nil {
		b.peer.Close() // an adopted worker's guardian is the peer's
	}
	if b.peer == nil || b.guard != nil {
		b.guardian.Close()
	}
}
