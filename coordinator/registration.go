package coordinator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// Registration keeps an ephemeral node in place for as long as it runs: it
// makes it anew when the session has expired or somebody has deleted it, and
// keeps its data up to date.
type Registration struct {
	// fixed at construction
	store    Store
	path     string
	acl      []Permission
	replaces func(Node) bool
	log      *slog.Logger
	changed  chan struct{} // capacity one, holds a token when data is new; never closed
	ready    chan struct{} // closed by Run when the node was there for the first time

	mu   sync.Mutex
	data []byte // guarded by mu
}

// RegistrationOptions are what a registration may have beyond the necessary.
type RegistrationOptions struct {
	ACL []Permission // of the node

	// Replaces tells whether a node of another session is a leftover of an
	// earlier life of the caller's, which is then replaced. Nil waits until
	// the other session ends.
	Replaces func(Node) bool

	Logger *slog.Logger // nil discards
}

// NewRegistration returns a registration that does nothing yet.
func NewRegistration(store Store, path string, data []byte, opts RegistrationOptions) *Registration {
	r := &Registration{
		store: store, path: path, data: bytes.Clone(data), acl: opts.ACL, replaces: opts.Replaces, log: opts.Logger,
		changed: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r
}

// Ready is closed when the node was in place for the first time.
func (r *Registration) Ready() <-chan struct{} { return r.ready }

// Update replaces the node's data, soon. It may be called at any time, by
// anybody.
func (r *Registration) Update(data []byte) {
	r.mu.Lock()
	r.data = bytes.Clone(data)
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// Run keeps the node in place until ctx ends; then it deletes the node and
// returns nil. It returns an error when the node cannot be kept: its parent is
// gone, or permission is missing. It must be called once only.
func (r *Registration) Run(ctx context.Context) error {
	signals := r.store.Watch(ctx, r.path)
	defer r.leave(ctx)
	for ready := false; ctx.Err() == nil; {
		kept, err := r.keep(ctx)
		switch {
		case errors.Is(err, ErrUnavailable):
			r.log.Debug("registration waits for the coordinator", "path", r.path, "err", err)
			_ = wait(ctx, signals, retryPause)
			continue
		case errors.Is(err, ErrVersion), errors.Is(err, ErrExists):
			continue // changed while we looked
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("register %s: %w", r.path, err)
		}
		if kept && !ready {
			ready = true
			close(r.ready)
		}
		select {
		case <-signals:
		case <-r.changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// keep looks once, and mends what is missing. It reports whether the node is
// ours.
func (r *Registration) keep(ctx context.Context) (bool, error) {
	r.mu.Lock()
	data := r.data
	r.mu.Unlock()
	node, err := r.store.Get(ctx, r.path)
	create := CreateEphemeral(r.path, data, r.acl...)
	creating, cancel := beyond(ctx)
	defer cancel()
	switch {
	case errors.Is(err, ErrNoNode):
		return true, r.store.Apply(creating, create)
	case err != nil:
		return false, err
	case node.Ephemeral == r.store.Session().ID:
		if bytes.Equal(node.Data, data) {
			return true, nil
		}
		err := r.store.Apply(ctx, Set(r.path, data, node.Version))
		if errors.Is(err, ErrNoNode) {
			err = ErrVersion // look again
		}
		return true, err
	case r.replaces == nil || !r.replaces(node):
		r.log.Warn("registration waits: another session holds the node", "path", r.path, "session", fmt.Sprintf("%#x", node.Ephemeral))
		return false, nil
	}
	err = r.store.Apply(creating, Delete(r.path, node.Version), create)
	if op := (*OpError)(nil); errors.As(err, &op) && op.Index == 0 && errors.Is(err, ErrNoNode) {
		err = ErrVersion // it went by itself: look again
	}
	return true, err
}

// leave deletes the node if it is ours.
func (r *Registration) leave(ctx context.Context) {
	if !r.store.Session().Connected {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	// Whatever comes of it: the session's end does the same.
	if node, err := r.store.Get(ctx, r.path); err == nil && node.Ephemeral == r.store.Session().ID {
		_ = r.store.Apply(ctx, Delete(r.path, node.Version))
	}
}
