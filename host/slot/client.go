package slot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
)

// Peer is a worker at the other end of its slot's socket. Its methods may be
// called concurrently, Close once.
type Peer struct {
	Identity Identity
	Worker   *Process // the worker's process
	Guardian *Process // its parent, which ends what the worker leaves behind, and then itself

	mu sync.Mutex // one question at a time
	w  *wire
}

// ErrSilent is wrapped by the error of Connect when there is a worker, and it
// does not answer.
var ErrSilent = errors.New("the worker does not answer")

// Connect finds the worker behind a socket. That nobody listens is an error. If
// a worker does not answer before ctx ends, the error wraps ErrSilent, and the
// Peer, which lacks an Identity, is good for ending it.
func Connect(ctx context.Context, path string) (*Peer, error) {
	w, cred, err := dial(ctx, path)
	if err != nil {
		return nil, err
	}
	p := &Peer{w: w}
	if err := p.open(ctx, path, cred); err != nil {
		return nil, errors.Join(fmt.Errorf("the worker at %s: %w", path, err), p.Close())
	}
	a, err := p.ask(ctx, askWho)
	if err == nil && a.Who == nil {
		err = errors.New("it does not say who it is")
	}
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	p.Identity = *a.Who
	return p, nil
}

func dial(ctx context.Context, path string) (*wire, credentials, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, credentials{}, err
	}
	conn := c.(*net.UnixConn)
	cred, err := peerOf(conn)
	if err == nil && cred.uid != os.Getuid() {
		err = fmt.Errorf("it belongs to the user %d", cred.uid)
	}
	if err != nil {
		conn.Close()
		return nil, cred, err
	}
	return newWire(conn), cred, nil
}

// open gets hold of the processes, in a way that no reuse of a pid can spoil:
// the kernel took note of the pid when the worker began to listen, and the
// worker still listens after the descriptors were opened.
func (p *Peer) open(ctx context.Context, path string, cred credentials) (err error) {
	if p.Worker, err = OpenProcess(cred.pid); err != nil {
		return err
	}
	parent, err := parentOf(cred.pid)
	if err != nil {
		return err
	}
	if cred.pid != os.Getpid() && !guards(parent, cred.pid) { // who asks itself is a test
		return fmt.Errorf("its guardian is gone, so it is about to end: its parent is process %d", parent)
	}
	if p.Guardian, err = OpenProcess(parent); err != nil {
		return err
	}
	again, still, err := dial(ctx, path)
	if err != nil {
		return err
	}
	again.conn.Close()
	if now, err := parentOf(cred.pid); err != nil || now != parent || still != cred {
		return errors.Join(errors.New("another process took its place"), err)
	}
	return nil
}

// Close lets go of the worker, which lives on.
func (p *Peer) Close() error {
	err := p.w.conn.Close()
	for _, process := range []*Process{p.Worker, p.Guardian} {
		if process != nil {
			process.Close()
		}
	}
	return err
}

// Ping returns nil if the worker answers before ctx ends.
func (p *Peer) Ping(ctx context.Context) error {
	_, err := p.ask(ctx, askWho)
	return err
}

// Figures asks for the worker's figures.
func (p *Peer) Figures(ctx context.Context) (*api.WorkerFigures, error) {
	a, err := p.ask(ctx, askFigures)
	return a.Figures, err
}

// Stop asks the worker to end in order. It returns when the worker has heard.
func (p *Peer) Stop(ctx context.Context) error {
	_, err := p.ask(ctx, askStop)
	return err
}

func (p *Peer) ask(ctx context.Context, what string) (a answer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// First of all: the deadline that ctx sets must stand.
	if err := p.w.conn.SetReadDeadline(time.Time{}); err != nil {
		return a, err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.w.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() { // the deadline stands, or is about to
			err = errors.Join(context.Cause(ctx), err)
		}
	}()
	q := question{Ask: what, Nonce: rand.Uint64()}
	if err := p.w.write(q); err != nil {
		return a, err
	}
	if err := p.w.read(&a); err != nil {
		return a, err
	}
	if a.Nonce != q.Nonce {
		return a, errors.New("it answered another question")
	}
	if a.Err != "" {
		return a, errors.New(a.Err)
	}
	return a, nil
}
