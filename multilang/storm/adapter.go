package storm

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// Adapter stands between a host and a component written for Storm; see the
// package's comment. It is not safe for concurrent use.
type Adapter struct {
	o       Options
	codec   *codec
	in      multilang.ToChild // the host's last message
	msg     message           // the child's last message
	work    Work
	raw     []byte // the child's last message, as it wrote it
	speaks  bool   // the child has said something that we understand
	ready   bool   // its pid has come
	stop    bool   // the host wants it to end
	err     string // an error that the next message may turn out to belong to a failed tuple
	errBeat bool   // a Beat has passed since
	bolt    bolt
	spout   spout
	emits   emits

	requests uint32   // for task ids
	answers  uint32   // of the host, to them
	refused  []uint32 // emits that go nowhere, and whose child waits for ids: the requests before each
	knows    bool     // where all that is emitted goes: the host is never asked
	gathers  bool     // Wake will hand over what is gathered
	answered bool     // see Answered
	pidTold  int64
	warned   map[string]bool
}

// New makes an adapter for one child.
func New(o Options) *Adapter {
	if o.Limit <= 0 {
		o.Limit = 16 << 20
	}
	a := &Adapter{o: o, codec: newCodec(&o), warned: map[string]bool{}}
	a.emits.streams = map[string]int{}
	a.knows = !slices.ContainsFunc(o.Outputs, func(out Output) bool { return out.Tasks == nil })
	a.bolt.init()
	a.spout.init()
	return a
}

// Hello returns what the component says first, in its name: the magic and a hello.
func (a *Adapter) Hello() []byte {
	kind, sdk := "bolt", "storm-json"
	if a.o.Spout {
		kind = "spout"
	}
	if a.o.Form == Msgpack {
		sdk = "storm-msgpack"
	}
	b, at := multilang.BeginFrame([]byte(multilang.Magic))
	b, err := multilang.AppendTyped(b, multilang.TypeHello, &multilang.Hello{Version: multilang.Version, Level: "columns", Kind: kind, SDK: sdk, Features: []string{}})
	if err != nil {
		panic("storm: a hello that cannot be encoded: " + err.Error())
	}
	return multilang.EndFrame(b, at)
}

// Take returns what has to be written since it was called last. The slices
// are valid until the next call of any method.
func (a *Adapter) Take() Work {
	w := a.work
	a.work = Work{Stdin: w.Stdin[:0], Frames: w.Frames[:0]}
	if cap(w.Stdin) > 1<<20 || cap(w.Frames) > 1<<20 {
		a.work = Work{}
	}
	return w
}

// Host takes whole frames from the host, whose messages are of level columns.
func (a *Adapter) Host(frames []byte) error {
	s := multilang.Splitter{Limit: 1 << 30, Started: true}
	for len(frames) > 0 {
		p, err := s.Next(frames)
		if err != nil {
			return err
		}
		if p.Kind != multilang.Frame {
			return errors.New("the host's frame is not whole")
		}
		frames = frames[p.Used:]
		if err := a.in.Decode(p.Body); err != nil {
			return fmt.Errorf("from the host: %w", err)
		}
		if err := a.fromHost(&a.in); err != nil {
			return err
		}
	}
	return nil
}

func (a *Adapter) fromHost(m *multilang.ToChild) error {
	var err error
	switch m.Type {
	case multilang.TypeStart: // its answer to the setup message is that it is ready
		a.work.Stdin, err = a.codec.appendSetup(a.work.Stdin, &a.o)
		return err
	case multilang.TypeData:
		a.data(m)
	case multilang.TypeTick:
		a.tick()
	case multilang.TypeTasks:
		a.routed(m.Tasks)
	case multilang.TypeNext:
		a.spout.asked = append(a.spout.asked, request{seq: m.Seq, rows: m.N})
		a.pump()
	case multilang.TypeOutcome:
		a.outcome(m)
	case multilang.TypeActivate:
		a.spout.active = true
		a.order(activateTurn, nil)
	case multilang.TypeDeactivate:
		a.spout.active = false
		a.order(deactivateTurn, nil)
	case multilang.TypeStop:
		a.end()
	}
	return nil
}

// Child takes bytes from the child's stdout: those that it did not use before,
// and what came since. used of them are done with; before there are want bytes in all, counted from the
// first unused one, another call is of no use. An error means that the stream
// cannot be understood any more: the child has to be ended.
func (a *Adapter) Child(buf []byte) (used, want int, err error) {
	if !a.speaks && len(buf) > 0 && buf[0] == multilang.Magic[0] {
		if n := min(len(buf), len(multilang.Magic)); string(buf[:n]) == multilang.Magic[:n] {
			if n < len(multilang.Magic) {
				return 0, len(multilang.Magic), nil
			}
			return 0, 0, ErrOurs
		}
	}
	for used < len(buf) {
		n, ok, text, err := a.codec.next(buf[used:], &a.msg)
		a.raw = text
		a.print(text)
		if err != nil {
			a.raw = buf[used:]
			a.breach(RuleFrame, err.Error())
			a.flush()
			return used + n, 0, err
		}
		if n == 0 {
			want = len(buf) - used + 1
			if a.o.Form == Msgpack {
				want = max(want, a.codec.maps.want)
			}
			break
		}
		a.raw = buf[used : used+n]
		used += n
		if ok {
			a.speaks = true
			a.fromChild(&a.msg)
		}
	}
	a.flush()
	return used, want, nil
}

func (a *Adapter) fromChild(m *message) {
	if a.err != "" && m.command != failCommand && m.command != syncCommand {
		a.reportError()
	}
	if !a.ready && m.command != pidAnswer {
		a.breach(RulePID, fmt.Sprintf("a message %q comes before its pid: Storm takes it for the answer to the setup message", m.name))
	}
	if m.problem != "" && m.command != emitCommand {
		rule := RuleFields
		if m.command == pidAnswer {
			rule = RulePID
		}
		a.breach(rule, m.problem)
		a.report("ProtocolError", fmt.Sprintf("a message %q cannot be obeyed: %s", m.name, m.problem))
		return
	}
	switch m.command {
	case pidAnswer:
		a.pid(m.pid)
	case emitCommand:
		a.emit(m)
	case ackCommand:
		a.settle(m.row, nil)
	case failCommand:
		if why := a.failure(); !a.settle(m.row, why) && why.Kind != "fail" {
			a.frame(func(b []byte) []byte { return multilang.AppendError(b, why) }) // no row carries it
		}
	case logCommand:
		level := m.level
		if level < 0 || level > 4 {
			a.breach(RuleLog, "the level of a log is not one of 0 to 4")
			level = 2
		}
		a.log(level, m.text)
	case errorCommand:
		if !a.stop || !endOfInput(m.text) {
			a.err, a.errBeat = m.text, false
		}
	case metricsCommand:
		a.metric(m)
	case syncCommand:
		if a.o.Spout {
			a.synced()
		} else {
			a.marked()
		}
	default:
		a.breach(RuleCommand, fmt.Sprintf("there is no command %q", m.name))
		a.warn("command", fmt.Sprintf("a message with the command %q, which there is not: ignored", m.name))
	}
}

// pid is the child's answer to the setup message: it is ready.
func (a *Adapter) pid(told int64) {
	a.pidTold = told
	if a.ready {
		return
	}
	a.ready = true
	a.flushEmits()
	a.frame(func(b []byte) []byte {
		b, err := multilang.AppendTyped(b, multilang.TypeReady, &multilang.Ready{Replays: a.o.Spout})
		if err != nil {
			panic("storm: a ready that cannot be encoded: " + err.Error())
		}
		return b
	})
	a.pump()
}

// flush hands over what has been gathered, once all that came has been read.
func (a *Adapter) flush() {
	if a.o.Spout || a.stop {
		a.reportError() // a bolt's waits: the fail it belongs to may be on its way
	}
	if !a.mayGather() {
		a.flushEmits()
	} else if !a.gathers {
		a.gathers = true
		a.work.Wait = gatherWait
	}
}

// mayGather tells whether what the child emitted and acked may wait for more:
// it is at work, and nobody waits for the host's answer. A message of one row
// costs the host as much as one of a hundred.
func (a *Adapter) mayGather() bool {
	e := &a.emits
	if !a.ready || a.stop || e.asks {
		return false
	}
	if a.o.Spout {
		return a.spout.inNext() && !a.spout.waiting
	}
	return a.bolt.open()
}

// End tells that the child has ended: Take returns what it had still said.
func (a *Adapter) End() {
	a.reportError()
	a.flushEmits()
}

func (a *Adapter) flushEmits() {
	a.gathers = false
	if a.o.Spout {
		a.flushRows(false)
	} else {
		a.flushReply()
	}
}

// frame appends one frame for the host.
func (a *Adapter) frame(body func([]byte) []byte) {
	b, at := multilang.BeginFrame(a.work.Frames)
	a.work.Frames = multilang.EndFrame(body(b), at)
}

// end lets the child end, as Storm does: by the end of its stdin, which it
// reads after all that was written before.
func (a *Adapter) end() {
	a.stop = true
	if !a.o.Spout {
		a.work.CloseStdin = true
		return
	}
	if a.spout.active {
		a.spout.active = false
		a.order(deactivateTurn, nil)
	}
	a.pump()
}

// Wake tells that the Wait that Take returned is over. There may be something to Take.
func (a *Adapter) Wake() {
	a.spout.waiting = false
	a.flushEmits()
	a.pump()
}

// Beat asks a bolt for a sign that it has read what it was sent, as Storm does
// once a second: call it about as often.
func (a *Adapter) Beat() {
	if !a.ready || a.o.Spout || a.stop {
		return
	}
	waits := a.err != ""
	if a.errBeat {
		a.reportError()
	}
	a.errBeat = waits // the fail may be about to come: a child can lose the processor between the two
	if len(a.bolt.marks) == 0 && (waits || a.bolt.open()) {
		a.mark()
	}
}

// Closed tells that the child's stdin was closed without its being asked to
// end: it may say that it has seen the end of it.
func (a *Adapter) Closed() { a.stop = true }

// gatherWait is how long what a child has emitted waits for more.
const gatherWait = 2 * time.Millisecond

// How long a spout is left alone that had nothing to emit: at first, and in the end.
const (
	firstWait = time.Millisecond
	longWait  = 50 * time.Millisecond
)
