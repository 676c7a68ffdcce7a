package judge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/storm"
)

// Storm says in which form of Storm's protocol a program is spoken to.
type Storm struct {
	Msgpack bool // pystorm's msgpack form, not JSON

	// NaN lets NaN and the infinities be written as Python's json writes them.
	NaN bool
}

// ProbeStorm starts a program as a bolt and as a spout that were written for
// Storm, and returns which of them it is. The result's fault says what is
// missing if it is neither. The error is as of [Probe].
func ProbeStorm(ctx context.Context, component string, start Start, o Options) (kind string, r Result, err error) {
	var asSpout Result
	for _, kind := range []string{"spout", "bolt"} { // as pystorm's spouts answer heartbeats, too
		t := &Transcript{Name: "hello", Component: component, Kind: kind}
		t.welcome.Component, t.welcome.Outputs = component, []multilang.WelcomeOutput{}
		p := newPlayer(t, multilang.Columns, o)
		p.probes = true
		r, err = p.play(ctx, start)
		switch {
		case err != nil:
			return "", r, err
		case r.Verdict == Skipped:
			return "", r, fmt.Errorf("%w: %s", ErrUnknown, r.Why)
		case r.Fault == nil:
			return kind, r, nil
		case !p.ready:
			return "", r, nil // it does not speak this form at all
		case kind == "spout" && !p.exited:
			asSpout = r // what is given what it does not know ends, in most libraries
		case p.exited && asSpout.Fault != nil:
			r = asSpout
		}
	}
	return "", r, nil
}

// classic is the part of a player that speaks with a component written for Storm.
type classic struct {
	adapter  *storm.Adapter
	pids     string // folder
	host     multilang.Splitter
	unsent   []byte // bytes from us that are no whole frame yet
	unread   []byte // output of the child that is no whole message yet
	wake     *time.Timer
	beat     *time.Ticker
	breaches []storm.Breach
	closed   bool // its stdin
}

// beatEvery is how often a bolt is asked for a sign while rows are in it.
const beatEvery = 100 * time.Millisecond

// forStorm says why a transcript is not for components written for Storm, else nothing.
func (t *Transcript) forStorm() string {
	if t.notStorm != "" {
		return t.notStorm
	}
	if t.odd || len(t.levels) > 0 {
		return "it is about PROTOCOL.md's own messages"
	}
	for i := range t.steps {
		s, e := t.steps[i].send, t.steps[i].expect
		switch {
		case s != nil && (s.kind == "bytes" || s.kind == "message" || s.kind == "level"):
			return "it is about PROTOCOL.md's own messages"
		case s != nil && s.kind == "tasks":
			return "every emit of a component written for Storm asks for its tasks"
		case e != nil && e.beats > 0:
			return "components written for Storm do not beat"
		case e != nil && e.finished:
			return "a spout written for Storm never finishes"
		}
	}
	return ""
}

// startClassic begins the conversation with a component written for Storm: the
// adapter's hello is its first output.
func (p *player) startClassic() error {
	c := &p.classic
	c.pids = filepath.Join(p.opts.Scratch, "pids")
	if err := os.MkdirAll(c.pids, 0o700); err != nil {
		return fmt.Errorf("folder for pids: %w", err)
	}
	c.host = multilang.Splitter{Limit: 1 << 30, Started: true}
	c.adapter = storm.New(p.stormOptions())
	c.wake = time.NewTimer(time.Hour)
	c.wake.Stop()
	c.beat = time.NewTicker(beatEvery)
	p.unread = append(p.unread, c.adapter.Hello()...)
	return nil
}

// end stops what startClassic started.
func (c *classic) end() {
	if c.adapter != nil {
		c.wake.Stop()
		c.beat.Stop()
	}
}

// tasksOfEmits answers every emit of a transcript: it goes to this task.
var tasksOfEmits = multilang.U32s{task + 1, 0, 0, 0}

func (p *player) stormOptions() storm.Options {
	w := &p.t.welcome
	conf := map[string]any{"topology.name": w.Topology, "topology.message.timeout.secs": 30}
	for k, v := range w.Conf {
		conf[k] = v
	}
	tasks, streams, fields, targets := map[string]any{}, []string{}, map[string]any{}, map[string]any{}
	for component, ids := range w.Tasks {
		for _, id := range ids {
			tasks[strconv.Itoa(id)] = component
		}
	}
	o := storm.Options{BareNaN: p.opts.Storm.NaN, Spout: p.t.Kind == "spout", Component: w.Component,
		PIDDir: p.classic.pids, Conf: conf, Tick: time.Second, Limit: w.MaxMessageBytes, Strict: true}
	if p.opts.Storm.Msgpack {
		o.Form = storm.Msgpack
	}
	for _, out := range w.Outputs {
		o.Outputs = append(o.Outputs, storm.Output{Stream: out.Stream, Fields: out.Fields, Tasks: tasksOfEmits})
		streams = append(streams, out.Stream)
		fields[out.Stream], targets[out.Stream] = out.Fields, map[string]any{}
	}
	sources, sourceFields := map[string]any{}, map[string]any{}
	for _, in := range w.Inputs {
		o.Inputs = append(o.Inputs, storm.Input{Component: in.Component, Stream: in.Stream})
		sources[in.Component] = map[string]any{in.Stream: map[string]any{"type": "SHUFFLE"}}
		sourceFields[in.Component] = map[string]any{in.Stream: in.Fields}
	}
	o.Context = map[string]any{"task->component": tasks, "taskid": w.Task, "componentid": w.Component,
		"streams": streams, "stream->outputfields": fields, "stream->target->grouping": targets,
		"source->stream->grouping": sources, "source->stream->fields": sourceFields}
	return o
}

// toClassic takes what we write to a component of ours.
func (p *player) toClassic(b []byte, chunk int) {
	c := &p.classic
	c.unsent = append(c.unsent, b...)
	for len(c.unsent) > 0 {
		piece, err := c.host.Next(c.unsent)
		if err != nil || piece.Kind == multilang.More {
			break
		}
		if err := c.adapter.Host(c.unsent[:piece.Used]); err != nil {
			panic("judge: a frame of ours that cannot be read: " + err.Error())
		}
		c.unsent = c.unsent[piece.Used:]
		p.pass(chunk)
	}
}

// fromClassic takes the child's output, or its end, and returns what is left of the event.
func (p *player) fromClassic(e event) event {
	c := &p.classic
	if len(e.output) > 0 {
		c.unread = append(c.unread, e.output...)
		used, _, err := c.adapter.Child(c.unread)
		c.unread = c.unread[used:]
		p.pass(p.t.chunk)
		if err != nil && len(c.breaches) == 0 {
			c.breaches = append(c.breaches, storm.Breach{Rule: storm.RuleFrame, What: err.Error()})
		}
		e.output = nil
	}
	if e.exit != nil {
		c.adapter.End()
		p.pass(p.t.chunk)
		p.checkPID()
		if c.closed && e.exit.code > 0 {
			e.exit = &exit{0, e.exit.how} // with which code a library ends at the end of stdin is its own affair
		}
	}
	return e
}

// checkPID looks for the file that a component leaves for Storm's supervisor.
func (p *player) checkPID() {
	c := &p.classic
	pid := c.adapter.PID()
	if pid == 0 || !c.closed {
		return // it had not come so far, or was not let
	}
	if _, err := os.Stat(filepath.Join(c.pids, strconv.FormatInt(pid, 10))); errors.Is(err, fs.ErrNotExist) {
		c.breaches = append(c.breaches, storm.Breach{Rule: storm.RulePID, What: fmt.Sprintf("there is no file %d in pidDir", pid)})
	}
}

// pass does what the adapter asks for, in pieces of chunk if that is not 0.
func (p *player) pass(chunk int) {
	c := &p.classic
	w := c.adapter.Take()
	stdin := w.Stdin
	for chunk > 0 && len(stdin) > chunk {
		p.process.Write(stdin[:chunk])
		stdin = stdin[chunk:]
	}
	if len(stdin) > 0 {
		p.process.Write(stdin)
	}
	if w.CloseStdin {
		p.closeInput()
	}
	for _, line := range w.Text {
		p.keepText(event{stderr: []byte(line + "\n")})
	}
	p.unread = append(p.unread, w.Frames...)
	for _, b := range w.Breaches {
		if !p.probes || b.Rule != storm.RuleTuple { // a probe does not know what it emits
			c.breaches = append(c.breaches, b)
		}
	}
	if w.Wait > 0 {
		c.wake.Reset(w.Wait)
	}
}

func (p *player) closeInput() {
	if c := &p.classic; c.adapter != nil {
		c.closed = true
		c.adapter.Closed()
	}
	p.process.CloseInput()
}

// broken returns the first sentence that the child broke.
func (c *classic) broken(p *player) error {
	if len(c.breaches) == 0 {
		return nil
	}
	first := c.breaches[0]
	c.breaches = nil
	p.frame = first.Message
	return brokenRule{&breach{string(first.Rule), first.What}}
}

// askForSign plays the second half of a probe: a heartbeat, or activate.
func (p *player) askForSign(ctx context.Context) error {
	a := p.classic.adapter
	a.Ask()
	p.pass(0)
	what := map[string]string{"bolt": "a heartbeat tuple", "spout": "activate"}[p.t.Kind]
	rule := map[string]storm.Rule{"bolt": storm.RuleBeat, "spout": storm.RuleTurn}[p.t.Kind]
	return p.until(ctx, wait{rule: string(rule), done: a.Answered, missing: func() string { return "it did not answer " + what }})
}

// timers returns when the adapter wants to be called; nil channels never come.
func (c *classic) timers() (wake, beat <-chan time.Time) {
	if c.adapter == nil {
		return nil, nil
	}
	return c.wake.C, c.beat.C
}
