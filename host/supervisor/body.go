package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/shells"
)

// connectEvery is how often a keeper tries the socket of a worker that starts.
const connectEvery = 20 * time.Millisecond

// body is a process that a keeper has got hold of.
type body struct {
	guardian *slot.Process
	guard    *shells.Guarded    // nil for a worker that another supervisor started
	peer     *slot.Peer         // nil until the worker has answered
	cancel   context.CancelFunc // ends what is done for it
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
	// Somebody may have stopped the guardian.
	err = errors.Join(err, k.body.guardian.Signal(syscall.SIGCONT))
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		k.log.Error("worker cannot be ended", "err", err)
	}
}

// reason says how the worker ended, as its guardian wrote it down.
func (k *keeper) reason() string {
	e, err := shells.ReadGuardExit(slot.ExitFile(k.s.o.Dir, k.place.Local()))
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
