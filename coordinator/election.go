package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// retryPause is the wait after a failure that no watch tells the end of.
	retryPause = time.Second

	// farewell bounds the last request of a role that ends. If it fails the
	// session's end does the same, later.
	farewell = 2 * time.Second
)

// ErrLeadershipLost is the cause with which a term's context ends when another
// may lead from now on.
var ErrLeadershipLost = errors.New("leadership lost")

// Election is a candidacy for a leadership of which there is one at a time.
//
// Its node, Path, stays; its version counts the terms. The leader has an
// ephemeral below it, "leader", which everybody may read to find the leader:
// both hold the leader's Data. All candidates watch that one node: with the
// few that there are, a handful of nimbuses, waking all of them costs less than
// a queue.
//
// One cannot know that one leads, only that one did a moment ago: so a leader
// puts its term's [Term.Fence] into every Apply, and a change of an earlier
// leader that arrives late is refused with [ErrVersion].
type Election struct {
	Store  Store
	Path   string       // its parent must exist
	Data   []byte       // what others need to reach the leader
	ACL    []Permission // of both nodes
	Logger *slog.Logger // nil discards
}

// Term is one time of being the leader.
type Term struct {
	Epoch int32 // grows with every term of any candidate
	path  string
}

// Fence is a condition that holds until the next term begins.
func (t Term) Fence() Op { return Check(t.path, t.Epoch) }

// leaderPath is where the leader's ephemeral lies.
func (e *Election) leaderPath() string { return e.Path + "/leader" }

// Run stands for election until ctx ends, and leads whenever it wins: it calls
// lead with the term, and with a context that ends with [ErrLeadershipLost] as
// its cause as soon as another may have won. Then lead has to return, and Run
// stands again. When lead returns for another reason Run resigns and returns
// its error. When ctx ends Run resigns and returns nil.
//
// The term's context ends when the session has expired, the node is not ours,
// or the coordinator has not answered for two thirds of the session timeout,
// whichever is noticed first.
func (e *Election) Run(ctx context.Context, lead func(ctx context.Context, term Term) error) error {
	log := e.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	signals := e.Store.Watch(ctx, e.leaderPath())
	for {
		term, session, err := e.campaign(ctx, signals, log)
		if ctx.Err() != nil {
			if err == nil { // it won as it was told to stop
				e.resign(ctx, term)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("election %s: %w", e.Path, err)
		}
		log.Info("leading", "path", e.Path, "epoch", term.Epoch)
		err = e.lead(ctx, term, session, signals, lead)
		e.resign(ctx, term)
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, ErrLeadershipLost) {
			return err
		}
		log.Warn("not leading any more", "path", e.Path, "epoch", term.Epoch, "err", err)
	}
}

// campaign waits until it has won, and returns the term and its session.
func (e *Election) campaign(ctx context.Context, signals <-chan struct{}, log *slog.Logger) (Term, int64, error) {
	for {
		term, session, err := e.try(ctx)
		switch {
		case err == nil:
			return term, session, nil
		case errors.Is(err, ErrExists):
			err = wait(ctx, signals, 0) // until the leader goes
		case errors.Is(err, ErrVersion):
			err = ctx.Err() // somebody else has just won or resigned: look again
		case errors.Is(err, ErrUnavailable):
			log.Debug("election waits for the coordinator", "path", e.Path, "err", err)
			err = wait(ctx, signals, retryPause)
		}
		if err != nil {
			return Term{}, 0, err
		}
	}
}

// beyond returns a context that ends a farewell later than ctx. A request that its
// caller leaves may be carried out after whatever he asks next: who has to take back
// what he made must not leave while it is being made.
func beyond(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(farewell, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// wait waits for a signal, or for a pause if it is not 0.
func wait(ctx context.Context, signals <-chan struct{}, pause time.Duration) error {
	var over <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-signals:
	case <-over:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// try tries to win once. ErrExists says that there is a leader.
func (e *Election) try(ctx context.Context) (Term, int64, error) {
	node, err := e.Store.Get(ctx, e.Path)
	if errors.Is(err, ErrNoNode) {
		err = e.Store.Apply(ctx, Create(e.Path, nil, e.ACL...))
		if errors.Is(err, ErrExists) || err == nil {
			return Term{}, 0, ErrVersion // look again
		}
	}
	if err != nil {
		return Term{}, 0, err
	}
	session := e.Store.Session().ID
	leader, err := e.Store.Get(ctx, e.leaderPath())
	switch {
	case err == nil && leader.Ephemeral == session:
		// Left by a term of ours that was doubted too early, or by a win that
		// we never heard of: only a new term has a clear beginning.
		err := e.Store.Apply(ctx, Check(e.Path, node.Version), Delete(e.leaderPath(), AnyVersion))
		if err == nil || errors.Is(err, ErrNoNode) {
			err = ErrVersion // look again
		}
		return Term{}, 0, err
	case err == nil:
		return Term{}, 0, ErrExists
	case !errors.Is(err, ErrNoNode):
		return Term{}, 0, err
	}
	creating, cancel := beyond(ctx)
	defer cancel()
	err = e.Store.Apply(creating,
		CreateEphemeral(e.leaderPath(), e.Data, e.ACL...),
		Set(e.Path, e.Data, node.Version))
	if err != nil {
		return Term{}, 0, err
	}
	// The ephemeral may belong to a session that began meanwhile; if so, the
	// term ends as soon as it is looked at, and the next one begins.
	return Term{Epoch: node.Version + 1, path: e.Path}, session, nil
}

// lead runs the leader until it returns, and ends its context when the term is
// over. The cause is part of the error if it made the leader return.
func (e *Election) lead(ctx context.Context, term Term, session int64, signals <-chan struct{},
	lead func(context.Context, Term) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	returned := make(chan error, 1)
	go func() { returned <- lead(ctx, term) }()
	trust := time.NewTimer(0)
	defer trust.Stop()
	for {
		select {
		case err := <-returned:
			return cmp.Or(lost(ctx), err)
		case <-ctx.Done(): // with Run's, or just below: lead has to return
			err := <-returned
			return cmp.Or(lost(ctx), err)
		case <-signals:
			if err := e.holds(ctx, term, session); err != nil {
				cancel(err)
			}
		case <-trust.C:
			if err := trusted(e.Store.Session(), session); err != nil {
				cancel(err)
			}
		}
		// Trust lasts until then at least, and longer if there are answers.
		trust.Reset(time.Until(e.Store.Session().TrustedUntil))
	}
}

// lost returns why a term's context has ended, if the leadership was lost.
func lost(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, ErrLeadershipLost) {
		return cause
	}
	return nil
}

// trusted returns why a session's own clock ends the term, or nil.
func trusted(state Session, session int64) error {
	switch {
	case state.ID != session:
		return fmt.Errorf("%w: the session expired", ErrLeadershipLost)
	case !state.Trusted:
		return fmt.Errorf("%w: no answer from the coordinator for %v", ErrLeadershipLost, state.Timeout*2/3)
	}
	return nil
}

// holds returns why a term is over, or nil as far as one can know.
func (e *Election) holds(ctx context.Context, term Term, session int64) error {
	state := e.Store.Session()
	if err := trusted(state, session); err != nil || !state.Connected {
		return err // without a connection there is no more to learn
	}
	// Not longer than we may trust ourselves without an answer.
	ctx, cancel := context.WithDeadline(ctx, state.TrustedUntil)
	defer cancel()
	node, err := e.Store.Get(ctx, e.Path)
	if err == nil && node.Version != term.Epoch {
		return fmt.Errorf("%w: term %d has begun", ErrLeadershipLost, node.Version)
	}
	leader := Node{}
	if err == nil {
		leader, err = e.Store.Get(ctx, e.leaderPath())
	}
	switch {
	case errors.Is(err, ErrUnavailable):
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", ErrLeadershipLost, err)
	case leader.Ephemeral != session:
		return fmt.Errorf("%w: another session leads", ErrLeadershipLost)
	}
	return nil
}

// resign lets the next one lead at once, if the term is still ours.
func (e *Election) resign(ctx context.Context, term Term) {
	if !e.Store.Session().Connected {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	// Whatever comes of it: the session's end does the same, and the next
	// campaign looks for what was left.
	_ = e.Store.Apply(ctx, term.Fence(), Delete(e.leaderPath(), AnyVersion))
}
