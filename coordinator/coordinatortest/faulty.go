package coordinatortest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

var _ coordinator.Store = (*Faulty)(nil)

// Faulty is a store that fails on demand. It passes on to a real store what no
// fault holds up. All methods may be called concurrently.
type Faulty struct {
	t    testing.TB // fixed
	open func(testing.TB) coordinator.Store

	mu         sync.Mutex
	inner      coordinator.Store      // guarded by mu
	faults     map[int]Fault          // guarded by mu
	next       int                    // guarded by mu: key of the next fault
	back       chan struct{}          // guarded by mu: closed by the end of a disconnection; nil: connected
	distrusted bool                   // guarded by mu
	silent     bool                   // guarded by mu
	since      time.Time              // guarded by mu: of the last fault or mend of the connection
	listeners  map[*listener]struct{} // guarded by mu
}

// listener is one Watch.
type listener struct {
	ctx    context.Context //nolint:containedctx // a watch lives as long as its context
	path   string
	out    chan struct{}
	source <-chan struct{} // guarded by Faulty.mu: of the inner store
	moved  chan struct{}   // capacity one: source has changed
}

// NewFaulty returns a store over those that open returns: one now, and another
// after each Expire. The stores must end with the test.
func NewFaulty(t testing.TB, open func(testing.TB) coordinator.Store) *Faulty {
	t.Helper()
	return &Faulty{t: t, open: open, inner: open(t), faults: map[int]Fault{}, listeners: map[*listener]struct{}{}, since: time.Now()}
}

// Call is a call that a fault may hold up.
type Call struct {
	Method string           // "Get", "Children" or "Apply"
	Path   string           // of an Apply: of its first op
	Ops    []coordinator.Op // of an Apply
}

// Fault makes something of a call: do carries it out on the real store.
type Fault func(ctx context.Context, call Call, do func() error) error

// Unavailable is a fault: the call does not reach the coordinator.
func Unavailable(context.Context, Call, func() error) error {
	return fmt.Errorf("injected: %w", coordinator.ErrUnavailable)
}

// LoseAnswer is a fault: the call is carried out, but the caller never learns it.
func LoseAnswer(_ context.Context, _ Call, do func() error) error {
	_ = do() // that is what is lost
	return fmt.Errorf("injected, after it was carried out: %w", coordinator.ErrUnavailable)
}

// Hold returns a fault that keeps calls until release is closed, and then
// carries them out.
func Hold(release <-chan struct{}) Fault {
	return func(ctx context.Context, _ Call, do func() error) error {
		select {
		case <-release:
			return do()
		case <-ctx.Done():
			return fmt.Errorf("injected: %w: %w", coordinator.ErrUnavailable, context.Cause(ctx))
		}
	}
}

// Times lets a fault happen to the first n calls that come to it: inside an On,
// to those that match.
func Times(n int, fault Fault) Fault {
	var mu sync.Mutex
	return func(ctx context.Context, call Call, do func() error) error {
		mu.Lock()
		n--
		over := n < 0
		mu.Unlock()
		if over {
			return do()
		}
		return fault(ctx, call, do)
	}
}

// On restricts a fault to the calls that match.
func On(match func(Call) bool, fault Fault) Fault {
	return func(ctx context.Context, call Call, do func() error) error {
		if !match(call) {
			return do()
		}
		return fault(ctx, call, do)
	}
}

// Inject puts a fault before all calls until remove is called. Of several the
// latest comes first.
func (f *Faulty) Inject(fault Fault) (remove func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := f.next
	f.next++
	f.faults[key] = fault
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.faults, key)
	}
}

// Disconnect makes calls wait for their context, or for the connection to come
// back, and tells watches.
func (f *Faulty) Disconnect(on bool) {
	f.mu.Lock()
	switch {
	case on && f.back == nil:
		f.back, f.since = make(chan struct{}), time.Now()
	case !on && f.back != nil:
		close(f.back)
		f.back, f.since = nil, time.Now()
	}
	f.mu.Unlock()
	f.tell()
}

// Distrust makes the session look as if it might have expired.
func (f *Faulty) Distrust(on bool) {
	f.mu.Lock()
	f.distrusted = on
	f.mu.Unlock()
	f.tell()
}

// Silence keeps all signals of watches back. What was kept back is told when
// it ends.
func (f *Faulty) Silence(on bool) {
	f.mu.Lock()
	f.silent = on
	f.mu.Unlock()
	f.tell()
}

// Expire ends the session, with its ephemerals, and begins a new one. Watches
// go on. It must be called on the test's goroutine.
func (f *Faulty) Expire() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.inner.Close(); err != nil {
		f.t.Error(err)
	}
	f.inner, f.since = f.open(f.t), time.Now()
	for l := range f.listeners {
		l.source = f.inner.Watch(l.ctx, l.path)
		signal(l.moved)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (f *Faulty) tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.listeners {
		if !f.silent {
			signal(l.out)
		}
	}
}

// do passes a call through the faults to the real store.
func (f *Faulty) do(ctx context.Context, call Call, ask func(coordinator.Store) error) error {
	f.mu.Lock()
	for f.back != nil {
		back := f.back
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("injected: %w: %w", coordinator.ErrUnavailable, context.Cause(ctx))
		case <-back:
		}
		f.mu.Lock()
	}
	inner := f.inner
	do := func() error { return ask(inner) }
	for key := range f.next {
		if fault := f.faults[key]; fault != nil {
			next := do
			do = func() error { return fault(ctx, call, next) }
		}
	}
	f.mu.Unlock()
	err := do()
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(err, coordinator.ErrClosed) && f.inner != inner {
		err = fmt.Errorf("injected: the session has expired: %w", coordinator.ErrUnavailable)
	}
	return err
}

// Get implements [coordinator.Store].
func (f *Faulty) Get(ctx context.Context, path string) (node coordinator.Node, err error) {
	err = f.do(ctx, Call{Method: "Get", Path: path}, func(s coordinator.Store) (err error) {
		node, err = s.Get(ctx, path)
		return err
	})
	if err != nil {
		return coordinator.Node{}, err
	}
	return node, nil
}

// Children implements [coordinator.Store].
func (f *Faulty) Children(ctx context.Context, path string) (names []string, err error) {
	err = f.do(ctx, Call{Method: "Children", Path: path}, func(s coordinator.Store) (err error) {
		names, err = s.Children(ctx, path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

// Apply implements [coordinator.Store].
func (f *Faulty) Apply(ctx context.Context, ops ...coordinator.Op) error {
	call := Call{Method: "Apply", Ops: ops}
	if len(ops) > 0 {
		call.Path = ops[0].Path
	}
	return f.do(ctx, call, func(s coordinator.Store) error { return s.Apply(ctx, ops...) })
}

// Watch implements [coordinator.Store].
func (f *Faulty) Watch(ctx context.Context, path string) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := &listener{ctx: ctx, path: path, out: make(chan struct{}, 1), moved: make(chan struct{}, 1)}
	l.source = f.inner.Watch(ctx, path)
	f.listeners[l] = struct{}{}
	go f.forward(l)
	return l.out
}

// forward passes signals on until the watch's context or the test ends.
func (f *Faulty) forward(l *listener) {
	for {
		f.mu.Lock()
		source := l.source
		f.mu.Unlock()
		select {
		case <-source:
		case <-l.moved:
		case <-l.ctx.Done():
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.listeners, l)
			return
		case <-f.t.Context().Done():
			return
		}
		f.mu.Lock()
		if !f.silent {
			signal(l.out)
		}
		f.mu.Unlock()
	}
}

// Session implements [coordinator.Store].
func (f *Faulty) Session() coordinator.Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.inner.Session()
	if s.Since.Before(f.since) {
		s.Since = f.since
	}
	if f.back != nil {
		s.Connected, s.Server, s.Err = false, "", coordinator.ErrUnavailable
	}
	if f.distrusted {
		s.Trusted, s.TrustedUntil = false, time.Time{}
	}
	return s
}

// Close implements [coordinator.Store].
func (f *Faulty) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inner.Close()
}
