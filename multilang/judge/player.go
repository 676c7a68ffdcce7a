package judge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// ErrUnknown is what a [Start] returns for a component that it does not have.
var ErrUnknown = errors.New("the program has no such component")

// player is one conversation.
type player struct {
	// Fixed at construction.
	t      *Transcript
	level  multilang.Level
	opts   Options
	events chan event // bounded: a program that floods us is held back; never closed
	done   chan struct{}

	// Owned by play.
	process  Process
	exited   bool
	splitter multilang.Splitter
	decoder  multilang.Decoder
	unread   []byte // output that is no whole message yet
	frame    []byte // the message that is looked at
	hello    *multilang.Hello
	ready    bool
	active   bool // next may be sent again by ourselves
	requests int  // for rows, so far
	seen     seen
	ledger   ledger
	source   source
	pending  []byte  // written together with what comes next
	rest     []byte  // held back
	stderr   []byte  // its tail
	classic  classic // of a component written for Storm
	probes   bool    // whether it is such a one
	result   Result
}

// event is something that a process did; one field is set.
type event struct {
	output, stderr []byte
	exit           *exit
}

// deathPatience is how long a program may take to die when it is killed. That is
// the system's affair: only a machine out of breath takes more than a moment.
const deathPatience = time.Minute

// stderrTail is how much of what a program printed is kept.
const stderrTail = 4 << 10

func newPlayer(t *Transcript, level multilang.Level, o Options) *player {
	p := &player{t: t, level: level, opts: o.withDefaults(), events: make(chan event, 64), done: make(chan struct{}),
		result: Result{Transcript: t.Name, Level: level}}
	p.seen = seen{outcomes: map[ref]outcome{}, emitted: map[string][]emission{}, metrics: map[string]wantMetric{}}
	p.ledger = ledger{t: t, seen: &p.seen}
	p.source = source{t: t, seen: &p.seen}
	p.decoder.Level = level
	for _, out := range t.welcome.Outputs {
		p.decoder.Fields = append(p.decoder.Fields, len(out.Fields))
	}
	return p
}

func (p *player) skip(why string) Result {
	p.result.Verdict, p.result.Why = Skipped, why
	return p.result
}

// errSkip ends a conversation that cannot be had.
type errSkip string

func (e errSkip) Error() string { return string(e) }

func (p *player) play(ctx context.Context, start Start) (Result, error) {
	process, err := start(p.t.Component, p.level, Handlers{
		Output: func(b []byte) { p.hand(event{output: append([]byte(nil), b...)}) },
		Stderr: func(b []byte) { p.hand(event{stderr: append([]byte(nil), b...)}) },
		Exited: func(code int, how string) { p.hand(event{exit: &exit{code, how}}) },
	})
	if errors.Is(err, ErrUnknown) {
		return p.skip(err.Error()), nil
	}
	if err != nil {
		return p.result, err
	}
	p.process = process
	if p.opts.Storm != nil {
		if err := p.startClassic(); err != nil {
			return p.result, errors.Join(err, p.end())
		}
		defer p.classic.end()
	}
	err = errors.Join(p.converse(ctx), p.end())
	p.result.Stderr = string(p.stderr)
	var skip errSkip
	switch {
	case errors.As(err, &skip):
		return p.skip(string(skip)), nil
	case err != nil:
		return p.result, err
	case p.result.Fault != nil:
		p.result.Verdict = Failed
	}
	return p.result, nil
}

// hand passes an event on. After the conversation nobody wants any.
func (p *player) hand(e event) {
	select {
	case p.events <- e:
	case <-p.done:
	}
}

// end ends the process and waits for it.
func (p *player) end() error {
	if p.exited {
		close(p.done)
		return nil
	}
	p.process.Kill()
	timer := time.NewTimer(deathPatience)
	defer timer.Stop()
	defer close(p.done)
	for {
		select {
		case e := <-p.events:
			if p.keepText(e); e.exit != nil {
				return nil
			}
		case <-timer.C:
			return fmt.Errorf("%s: the program is still there %s after it was killed", p.t.Name, deathPatience)
		}
	}
}

// converse plays the handshake and all steps, up to the first fault.
func (p *player) converse(ctx context.Context) error {
	if p.t.Kind == "" { // a probe
		return p.step(ctx, "hello", p.greeting)
	}
	if err := p.step(ctx, "hello, welcome, start, ready", p.shakeHands); err != nil || p.result.Fault != nil {
		return err
	}
	if p.probes {
		return p.step(ctx, "a heartbeat, or activate", p.askForSign)
	}
	for i := range p.t.steps {
		s := &p.t.steps[i]
		err := p.step(ctx, s.text, func(ctx context.Context) error {
			if s.send != nil {
				return p.send(s.send)
			}
			return p.expect(ctx, s.expect)
		})
		if err != nil || p.result.Fault != nil {
			return err
		}
	}
	return nil
}

// step plays one step and takes it down.
func (p *player) step(ctx context.Context, text string, play func(context.Context) error) error {
	began := time.Now()
	err := play(ctx)
	var b brokenRule
	if errors.As(err, &b) {
		err = nil
		p.blame(b.breach)
	}
	p.result.Steps = append(p.result.Steps, StepResult{Step: text, OK: err == nil && p.result.Fault == nil, Took: time.Since(began)})
	return err
}

// brokenRule is a breach as an error.
type brokenRule struct{ *breach }

func (b brokenRule) Error() string { return b.what }

// blame makes a breach the conversation's fault.
func (p *player) blame(b *breach) {
	f := &Fault{Step: len(p.result.Steps), What: b.what, Frame: p.frame}
	switch {
	case p.opts.Storm == nil:
		f.Rule = ruleOf(b.rule)
	default:
		f.Rule = stormRuleOf(b.rule)
	}
	switch {
	case f.Frame == nil:
	case p.opts.Storm != nil && !p.opts.Storm.Msgpack && isStormRule(b.rule):
		f.Decoded = strings.ToValidUTF8(string(f.Frame), "\uFFFD")
	default:
		f.Decoded = showMessage(f.Frame)
	}
	p.result.Fault = f
}

// greeting waits for hello.
func (p *player) greeting(ctx context.Context) error {
	return p.until(ctx, wait{rule: "magic", within: p.opts.Startup, done: func() bool { return p.hello != nil }, missing: func() string { return "no hello has come" }})
}

// shakeHands waits for hello, answers it, and waits for ready.
func (p *player) shakeHands(ctx context.Context) error {
	if err := p.greeting(ctx); err != nil {
		return err
	}
	if p.hello.Level != p.level.String() {
		return errSkip("it speaks level " + p.hello.Level)
	}
	p.seen.beatless = !p.hello.Has(multilang.FeatureBeat)
	frames, err := p.handshake()
	if err != nil {
		return err
	}
	p.write(frames, p.t.chunk)
	return p.until(ctx, wait{rule: "ready", within: p.opts.Startup, done: func() bool { return p.ready }, missing: func() string { return "it did not say ready" }})
}

// handshake returns welcome and start.
func (p *player) handshake() ([]byte, error) {
	welcome := p.t.welcome
	welcome.Level, welcome.Dir = p.level.String(), p.opts.Scratch
	b, at := multilang.BeginFrame(nil)
	b, err := multilang.AppendTyped(b, multilang.TypeWelcome, &welcome)
	if err != nil {
		return nil, err
	}
	b = multilang.EndFrame(b, at)
	start, err := message(multilang.TypeStart)
	if err != nil || !p.t.odd {
		return append(b, start...), err
	}
	return oddHandshake(b)
}

// oddHandshake adds what a later version of the protocol might: elements at the
// ends, keys in the welcome, messages in between.
func oddHandshake(frame []byte) ([]byte, error) {
	value, _, err := multilang.Decode(frame[4:])
	if err != nil {
		return nil, err
	}
	keys, _ := value.([]any)[1].(multilang.Map)
	keys = append(keys, multilang.Pair{Key: "of_a_later_version", Value: []any{nil, multilang.Map{{Key: int64(1), Value: true}}}})
	var all []byte
	for _, elements := range [][]any{
		{multilang.TypeOptional, "of a later version"},
		{multilang.TypeWelcome, keys, "more"},
		{200, multilang.Map{}},
		{multilang.TypeStart, int64(-1), nil},
	} {
		b, err := message(elements...)
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return all, nil
}

// write hands bytes over, in pieces of chunk if that is not 0.
func (p *player) write(b []byte, chunk int) {
	if p.classic.adapter != nil {
		p.toClassic(b, chunk)
		return
	}
	for chunk > 0 && len(b) > chunk {
		p.process.Write(b[:chunk])
		b = b[chunk:]
	}
	p.process.Write(b)
}

// send plays a step that writes.
func (p *player) send(s *sending) error {
	number := 0
	switch s.kind {
	case "tick":
		if p.opts.Storm != nil && p.t.Component == Any {
			return nil // only a component that asks for ticks gets them, and to it they are tuples like any other
		}
	case "end":
		p.closeInput()
		return nil
	case "rest":
		p.write(p.rest, 0)
		p.rest = nil
		return nil
	case "data":
		for i := range s.frames {
			p.ledger.add(s.frames[i].seq, len(s.frames[i].rows))
		}
	case "activate", "deactivate":
		p.active = s.kind == "activate"
	case "next":
		number = p.ask(s.next.rows)
	case "tasks":
		asks := &p.ledger.asks
		if p.t.Kind == "spout" {
			asks = &p.source.asks
		}
		if len(*asks) == 0 {
			return fmt.Errorf("transcript %s: task ids are told before the program has asked for them", p.t.Name)
		}
		number, *asks = (*asks)[0], (*asks)[1:]
	}
	b, err := s.bytes(p.level, number, p.hello.Has(multilang.FeatureJSON))
	if err != nil {
		return fmt.Errorf("transcript %s: %w", p.t.Name, err)
	}
	b = append(p.pending, b...)
	p.pending = nil
	if s.together {
		p.pending = b
		return nil
	}
	p.rest = append([]byte(nil), b[len(b)-s.holdBack:]...)
	chunk := s.chunk
	if chunk == 0 {
		chunk = p.t.chunk
	}
	p.write(b[:len(b)-s.holdBack], chunk)
	return nil
}

// ask makes a request for rows.
func (p *player) ask(rows int) int {
	p.requests++
	p.source.ask(uint32(p.requests), rows)
	return p.requests
}

// askAgain asks for what a spout left of a request: it may have had nothing to emit just then.
func (p *player) askAgain(r *request) error {
	if r.rows <= 0 || p.seen.finished || !p.active || p.seen.expects == nil || p.seen.expects.exit != nil || p.seen.expects.loose {
		return nil
	}
	if p.seen.wrong() != "" || p.seen.complete() {
		return nil
	}
	again := &sending{kind: "next"}
	again.next.rows, again.next.bytes = r.rows, multilang.TargetFrame
	b, err := again.bytes(p.level, p.ask(r.rows), false)
	p.write(b, 0)
	return err
}

// expect plays a step that waits.
func (p *player) expect(ctx context.Context, e *expectation) error {
	p.seen.begin(e)
	err := p.until(ctx, wait{e.rule, e.within, p.seen.complete, p.seen.missing})
	if err == nil {
		p.seen.claim()
	}
	return err
}
