package process

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
)

const (
	retryPause  = time.Second
	idlePoll    = 100 * time.Millisecond // while a mode is being reached, or trees finish
	reportPause = 10 * time.Second       // between reports of what has no bearing on a change under way
	reportQuick = 200 * time.Millisecond // between any two
)

// learn reads what to run. Without a coordinator it goes by what its
// predecessor knew, and without that it waits.
func (p *Process) learn(ctx context.Context) error {
	quick, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := p.read(quick)
	if err == nil || !errors.Is(err, cluster.ErrUnavailable) {
		return err
	}
	if m, merr := p.recall(); merr == nil {
		p.o.Log.Warn("coordinator does not answer: going by what the last worker here knew", "err", err)
		p.run, p.assignment = m.Run, m.Assignment
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.stops:
			return errGone
		case <-time.After(retryPause):
		}
		if err = p.read(ctx); err == nil || !errors.Is(err, cluster.ErrUnavailable) {
			return err
		}
	}
}

// read reads the run and its assignment.
func (p *Process) read(ctx context.Context) error {
	run, err := p.o.Cluster.Run(ctx, p.spec.Run)
	var a cluster.Stored[cluster.Assignment]
	if err == nil {
		a, err = p.o.Cluster.Assignment(ctx, p.spec.Run)
	}
	if errors.Is(err, cluster.ErrGone) {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	if err != nil {
		return err
	}
	if _, ours := a.Record.Worker(p.spec.Place); !ours {
		return errGone
	}
	p.run, p.order, p.assignment = run.Record, run.Version, a.Record
	if err := p.remember(memory{p.run, p.assignment}); err != nil {
		p.o.Log.Warn("what this worker knows is not saved", "err", err)
	}
	return nil
}

// follow passes on what the run is to do, and reports how it goes, until the
// worker is told to end or its place is not its own any more.
func (p *Process) follow(ctx context.Context) error {
	runs := p.o.Cluster.WatchRun(ctx, p.spec.Run)
	assignments := p.o.Cluster.WatchAssignment(ctx, p.spec.Run)
	r := reporter{p: p}
	var retry, again <-chan time.Time
	levels := p.applyLevels(time.Now())
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.stops:
			return nil
		case <-runs:
			retry = p.refresh(ctx)
			levels = p.applyLevels(time.Now())
		case <-assignments:
			retry = p.refresh(ctx)
			levels = p.applyLevels(time.Now())
		case <-retry:
			retry = p.refresh(ctx)
			levels = p.applyLevels(time.Now())
		case <-levels:
			levels = p.applyLevels(time.Now())
		case <-p.poke:
		case <-again:
		}
		again = r.look(ctx)
	}
}

// refresh applies what the coordinator says now. It returns when to try again,
// nil if there is no need.
func (p *Process) refresh(ctx context.Context) <-chan time.Time {
	before := p.assignment
	switch err := p.read(ctx); {
	case errors.Is(err, errGone):
		p.o.Log.Info("this place is not the run's any more")
		p.Stop()
		return nil
	case errors.Is(err, cluster.ErrUnavailable):
		return time.After(retryPause)
	case err != nil:
		p.o.Log.Error("what the coordinator says is ignored", "err", err)
		return nil
	}
	p.engine.SetMode(p.run.Mode)
	if p.assignment.Epoch != before.Epoch {
		p.engine.Assign(p.assignment)
		p.tally.assign(&p.assignment, p.spec.Place)
	}
	return nil
}

// reporter writes reports when something has changed, and not too often.
// Owned by follow.
type reporter struct {
	p    *Process
	last cluster.Report
	at   time.Time
}

// look writes a report if there is news. It returns when to look again; nil: at
// the next change.
func (r *reporter) look(ctx context.Context) <-chan time.Time {
	p := r.p
	now := cluster.Report{Incarnation: p.incarnation, Epoch: p.assignment.Epoch, Order: p.order, Components: p.tally.components()}
	now.Mode, now.Idle = p.engine.Progress()
	var poll <-chan time.Time
	if now.Mode != p.run.Mode || p.run.Mode == cluster.Inactive && !now.Idle {
		poll = time.After(idlePoll)
	}
	if reflect.DeepEqual(now, r.last) {
		return poll
	}
	// What a change under way waits for goes out at once, the rest at leisure.
	pause := reportPause
	if r.last.Mode != p.run.Mode || now.Mode != r.last.Mode || now.Idle != r.last.Idle || now.Epoch != r.last.Epoch || now.Order != r.last.Order {
		pause = reportQuick
	}
	if wait := time.Until(r.at.Add(pause)); wait > 0 {
		if poll != nil && wait > idlePoll {
			return poll
		}
		return time.After(wait)
	}
	r.at = time.Now()
	if !p.report(ctx, &now) {
		return time.After(retryPause)
	}
	r.last = now
	return poll
}

// report writes a report, and tells whether that is done.
func (p *Process) report(ctx context.Context, r *cluster.Report) bool {
	err := p.o.Cluster.SetReport(ctx, p.spec.Run, p.spec.Place, r)
	if err != nil && ctx.Err() == nil && !errors.Is(err, cluster.ErrGone) {
		p.o.Log.Warn("report not written", "err", err)
	}
	return err == nil || errors.Is(err, cluster.ErrGone)
}
