package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/storm"
	"github.com/polybolt/polybolt/shells"
)

// neverStarted is how many children of a component may die without ever being
// ready before the run is given up (with Finite): it will not get better.
const neverStarted = 3

// lookEvery is how often a running child is judged.
const lookEvery = 500 * time.Millisecond

// run serves the task until ctx ends. What a spout emitted is replayed for as
// long as the worker lives, also when its child is gone for good.
func (t *task) run(ctx context.Context) {
	t.keepAlive(ctx)
	t.setState(Stopped, "")
	close(t.stopped)
	if t.ledger != nil && t.w.taskOf(t.id) == t { // else it is another worker's by now
		t.wait(ctx, nil, nil)
	}
}

// keepAlive starts children until the task is stopped, has finished, or ctx ends.
func (t *task) keepAlive(ctx context.Context) {
	var restarts shells.Restarts
	wasReady := false
	for {
		started := time.Now()
		exits, err := t.start()
		var exit *shells.Exit
		if err == nil {
			exit, err = t.serve(ctx, exits)
		} else {
			t.w.report(t, &multilang.Error{Kind: "start", Type: "StartError", Message: err.Error()}, culprit{})
		}
		ready, worked := t.died(exit, ctx.Err() != nil)
		wasReady = wasReady || ready
		if ctx.Err() != nil || t.isStopping() || t.ledger != nil && t.isFinished() {
			return
		}
		why := t.describe(exit, err, ready)
		at := restarts.Died(time.Now(), started, worked, why, rand.Float64())
		if !wasReady && t.w.opts.Finite && (restarts.Total >= neverStarted || errors.Is(err, errStartup)) {
			t.w.fail(fmt.Errorf("component %s cannot start: %s", t.comp.ID, why))
			return
		}
		if restarts.Loop > 1 {
			why = fmt.Sprintf("crash loop, %d deaths: %s", restarts.Loop, restarts.First)
		}
		t.stats.restarts.Add(1)
		t.setState(Backoff, why)
		if !t.pause(ctx, time.Until(at)) {
			return
		}
	}
}

// errStartup marks a child that was not ready in time.
var errStartup = errors.New("startup_timeout")

// describe says in a line why a child is gone that was not told to stop.
func (t *task) describe(exit *shells.Exit, err error, ready bool) string {
	if exit == nil {
		return err.Error()
	}
	line := exit.String()
	switch {
	case !ready && exit.Clean():
		line += ", before it was ready: does the script call run(), as its last line?"
	case !ready:
		line += ", before it was ready"
	case exit.Clean() && t.ledger != nil:
		line += ", though nobody had told it to stop: it is started again. A spout that is done calls finish(), or its generator ends"
	case exit.Clean():
		line += ", though nobody had told it to stop"
	}
	return line
}

// pause waits; false means that the task is to end.
func (t *task) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	return t.wait(ctx, timer.C, t.stops)
}

// wait waits without a child until over, which makes it return true, or until
// the task is to end. A spout's tuples that have failed are replayed meanwhile.
func (t *task) wait(ctx context.Context, over <-chan time.Time, stops <-chan struct{}) bool {
	replay := time.NewTimer(0)
	defer replay.Stop()
	for {
		select {
		case <-over:
			return true
		case <-ctx.Done():
			return false
		case <-stops:
			return false
		case <-t.pokes:
		case <-replay.C:
		}
		if t.ledger == nil {
			continue
		}
		if next := t.replayDue(time.Now()); !next.IsZero() {
			replay.Reset(time.Until(next))
		}
	}
}

// start forks the child.
func (t *task) start() (<-chan shells.Exit, error) {
	t.setState(Starting, "")
	exits := make(chan shells.Exit, 1)
	t.decoder.Level, t.split, t.text = multilang.Rows, multilang.Splitter{}, nil
	t.printed = shells.NewGate(t.onStderr)
	t.router = newRouter(t, t.edges) // half of a reply that broke the protocol may be left in the old one
	t.unfinished.Store(0)
	t.loaded.Store(false)
	t.child.Add(1)
	if t.ledger != nil {
		t.ledger.serve(t.incarnation())
	}
	v := &voice{t: t}
	spec := shells.Spec{
		Name:       fmt.Sprintf("%s/%s", t.w.opts.Topology.Name, t.name),
		Command:    t.comp.Command,
		Dir:        t.w.opts.Bundle,
		Env:        t.comp.Env,
		SDK:        t.w.opts.SDK,
		Output:     t.onOutput,
		StderrLine: t.onStderr,
		Exited:     func(e shells.Exit) { v.ended(); exits <- e },
	}
	if err := v.start(spec); err != nil {
		return nil, err
	}
	return exits, nil
}

// serve looks after a child until it is dead.
func (t *task) serve(ctx context.Context, exits <-chan shells.Exit) (*shells.Exit, error) {
	clock := newClock(t)
	defer clock.stop()
	judge := shells.Judge{Limits: shells.Limits{Startup: t.comp.Timeouts.Startup, Heartbeat: t.comp.Timeouts.Heartbeat, Process: t.comp.Timeouts.Process}}
	var err error
	stops, done := t.stops, ctx.Done()
	for {
		select {
		case e := <-exits:
			return &e, err
		case <-done:
			done = nil
			t.process.Kill(context.Cause(ctx))
		case <-stops:
			stops = nil
			t.w.wg.Go(func() { t.end(ctx) })
		case <-t.pokes:
			clock.poked()
		case <-clock.tick.C:
			t.sendTick()
		case <-clock.replay.C:
			clock.poked()
		case <-clock.batch.C:
			t.batchDue()
		case <-clock.look.C:
			if j := t.look(&judge); j != nil {
				err = j
			}
		}
	}
}

// clock holds the timers of a task's loop.
type clock struct {
	t             *task
	tick, look    *time.Ticker
	replay, batch *time.Timer
}

func newClock(t *task) *clock {
	c := &clock{t: t, tick: time.NewTicker(time.Hour), look: time.NewTicker(lookEvery), replay: time.NewTimer(0), batch: time.NewTimer(time.Hour)}
	if t.comp.Tick > 0 {
		c.tick.Reset(t.comp.Tick)
	} else {
		c.tick.Stop()
	}
	c.batch.Stop()
	return c
}

func (c *clock) stop() {
	c.tick.Stop()
	c.look.Stop()
	c.replay.Stop()
	c.batch.Stop()
}

// poked does what has become due, and sets the timers for what has not.
func (c *clock) poked() {
	if c.t.ledger != nil {
		if next := c.t.replayDue(time.Now()); !next.IsZero() {
			c.replay.Reset(time.Until(next))
		}
		c.t.ask()
		return
	}
	c.t.mu.Lock()
	due := c.t.batchAt
	c.t.mu.Unlock()
	if !due.IsZero() {
		c.batch.Reset(time.Until(due))
	}
}

// batchDue sends a batch that is not full.
func (t *task) batchDue() {
	t.mu.Lock()
	t.batchAt = time.Time{}
	t.mu.Unlock()
	t.pump()
}

// sendTick writes a tick, if the child runs.
func (t *task) sendTick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == Running {
		t.signal(multilang.TypeTick)
	}
}

// signal writes a message that is its type alone. mu is held.
func (t *task) signal(typ byte) {
	buf, at := multilang.BeginFrame(nil)
	t.process.Write(multilang.EndFrame(multilang.AppendSignal(buf, typ), at))
}

// look judges the child, and kills it if it must go; then it returns why.
func (t *task) look(judge *shells.Judge) error {
	signs := t.signs()
	t.tire(signs.Now)
	t.process.do((*storm.Adapter).Beat)
	j := judge.Look(signs)
	if j.Sample {
		if s, err := t.process.Sample(); err == nil {
			signs.Sample = &s
			j = judge.Look(signs)
		}
	}
	switch j.Verdict {
	case shells.Fine:
		return t.lookAtStream(signs)
	case shells.Busy:
		t.w.line(Line{Task: t.id, Component: t.comp.ID, Level: LevelWarn, Text: j.Why})
		return nil
	}
	err := fmt.Errorf("%s", j.Why)
	if j.Verdict == shells.StartupTimeout {
		err = fmt.Errorf("%w: %s%s", errStartup, j.Why, t.silent(signs.Loaded || signs.Spoke))
	}
	t.process.Kill(err)
	return err
}

// lookAtStream kills the child if the message that it began has not come to its
// end for the heartbeat timeout. An SDK writes a message in one go: this is
// garbage that looks like the head of one, and swallows all that follows.
func (t *task) lookAtStream(s shells.Signs) error {
	since := t.unfinished.Load()
	limit := t.comp.Timeouts.Heartbeat
	if since == 0 || !s.Reading || s.Ready.IsZero() || limit <= 0 || time.Since(t.w.started)-time.Duration(since) < limit {
		return nil
	}
	err := fmt.Errorf("it began a message %s ago that has not come to its end since: something else wrote to the protocol stream", limit)
	t.process.Kill(err)
	return err
}

// signs gathers what is known of the child.
func (t *task) signs() shells.Signs {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := shells.Signs{Now: time.Now(), Started: t.process.Started(), Heard: t.process.LastOutput(), Loaded: t.loaded.Load(), Spoke: t.hello != nil, Reading: t.reading, Ready: t.ready}
	if t.state == Prepared {
		s.Ready = s.Heard // it is not asked to be more
	} else if s.Started.Before(t.begun) {
		s.Started = t.begun
	}
	if t.hello != nil {
		s.Beats = t.hello.Has(multilang.FeatureBeat)
	}
	if len(t.inflight) > 0 {
		s.Working, s.Row = t.working, later(t.working, s.Heard)
		if t.ledger != nil {
			s.Row = time.Time{} // a spout may take its time for a row
		}
	}
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lastWords is for how long before its end what a child says is why it ends.
const lastWords = 5 * time.Second

// died clears away what a dead child leaves behind: its rows fail, at once.
// ended: the worker ends, and all children with it.
func (t *task) died(exit *shells.Exit, ended bool) (ready, worked bool) {
	t.flushText() // its reader is done
	t.mu.Lock()
	inflight, held := t.inflight, t.held
	ready, worked = !t.ready.IsZero(), t.worked
	t.inflight, t.held, t.process, t.hello, t.begun, t.ready, t.worked = nil, map[ref]heldRow{}, nil, nil, time.Time{}, time.Time{}, false
	t.pace.Forget()
	if t.state != Stopping {
		t.state = Waiting // nothing is to be written to a child that is not there
	}
	t.spout.asked, t.spout.hears, t.spout.listens, t.spout.mute = 0, false, false, false
	if exit != nil {
		if exit.Ended.Sub(t.saidAt) < lastWords {
			exit.Said = t.said
		}
		t.said, t.saidAt = "", time.Time{}
		t.cpu += exit.User + exit.System
		t.maxRSS = max(t.maxRSS, exit.MaxRSS)
	}
	t.mu.Unlock()
	busy := t.busy.Swap(0)
	why := "the child ended"
	if exit != nil {
		why = exit.String()
		if !ended {
			t.w.exited(t, exit, ready, t.suspect(inflight))
		}
	}
	if t.ledger != nil {
		t.ledger.forget()
		t.w.stir() // there is no answer to wait for any more
		return ready, worked
	}
	// A child that was told to end did not die of its row: no retry is used up.
	f := failure{cause: acker.ChildDeath, component: t.comp.ID, task: t.id, alone: busy == 1 && !ended && !t.isStopping(), text: why}
	if untracked := t.failUnanswered(inflight, f); untracked > 0 && !ended {
		t.w.line(Line{Task: t.id, Component: t.comp.ID, Level: LevelWarn, Text: fmt.Sprintf("%d rows that it had not answered are lost: nobody tracks them", untracked)})
	}
	f.alone = false
	for _, h := range held {
		t.failHeld(h, f)
	}
	t.w.addLoad(int(-busy))
	return ready, worked
}

func (t *task) setState(s State, why string) {
	t.mu.Lock()
	if t.state == Stopped { // its child had ended before it could be told to
		t.mu.Unlock()
		return
	}
	if t.state == Stopping && s != Stopped {
		s = Stopping
	}
	t.state, t.why = s, why
	t.mu.Unlock()
	t.w.opts.Observer.State(TaskState{Task: t.id, Component: t.comp.ID, Index: t.index, State: s, Why: why})
}
