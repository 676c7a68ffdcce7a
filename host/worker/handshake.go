package worker

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// onOutput takes the child's stdout apart into messages. It runs on the
// goroutine that reads it.
func (t *task) onOutput(buf []byte) (used, want int, err error) {
	for used < len(buf) {
		p, err := t.split.Next(buf[used:])
		if used += p.Used; p.Used > 0 {
			t.unfinished.Store(0)
		}
		if err != nil {
			return used, 0, err
		}
		switch p.Kind {
		case multilang.More:
			if t.unfinished.Load() == 0 {
				t.unfinished.Store(int64(time.Since(t.w.started)))
			}
			return used, p.Want, nil
		case multilang.Text:
			t.onText(p.Body)
		case multilang.Started:
			t.loaded.Store(true)
			t.flushText()
		case multilang.Frame:
			if err := t.onFrame(p.Body); err != nil {
				return used, 0, fmt.Errorf("protocol: %w", err)
			}
		case multilang.TooLarge:
			if err := t.onTooLarge(p); err != nil {
				return used, 0, err
			}
		}
	}
	return used, 0, nil
}

// onFrame takes one message.
func (t *task) onFrame(body []byte) error {
	m := &t.message
	if err := t.decoder.Decode(body, m); err != nil {
		return err
	}
	bolt := t.ledger == nil
	switch m.Type {
	case multilang.TypeHello:
		return t.onHello(m.Hello)
	case multilang.TypeReady:
		return t.onReady(m.Ready)
	case multilang.TypeReply:
		if !bolt {
			return errors.New("a spout sent a reply, which is a bolt's message")
		}
		return t.onReply(m)
	case multilang.TypeRows:
		if bolt {
			return errors.New("a bolt sent rows, which is a spout's message")
		}
		return t.onRows(m)
	case multilang.TypeFinish:
		return t.onFinish()
	case multilang.TypeLeft:
		if bolt {
			return errors.New("a bolt sent left, which is a spout's message")
		}
		t.ledger.left(m.N)
	case multilang.TypeLog:
		if Level(m.Level) < Level(t.comp.level.Load()) { // it was on its way, or the child cannot be told
			return nil
		}
		t.w.line(Line{Task: t.id, Component: t.comp.ID, Level: Level(m.Level), Text: m.Text, Logger: m.Logger, PID: t.pid()})
	case multilang.TypeError:
		t.mu.Lock()
		t.said, t.saidAt = saying(&m.Err), time.Now()
		t.mu.Unlock()
		t.w.report(t, &m.Err, culprit{})
	case multilang.TypeMetric:
		t.metrics.add(m.Metric)
	}
	return nil
}

// saying is an error in a line: its type, which says much of a KeyError, and its place.
func saying(e *multilang.Error) string {
	line, _, _ := strings.Cut(e.Message, "\n")
	if e.Type != "" && e.Type != mistakeType {
		line = strings.TrimSuffix(e.Type+": "+line, ": ")
	}
	if e.Place != "" {
		line += " at " + e.Place
	}
	return line
}

// mistakeType is what SDKs call the error of a component that cannot run as it
// is written: its message says all.
const mistakeType = "ComponentError"

// onHello answers the child's greeting, or says why it cannot be spoken to.
func (t *task) onHello(h *multilang.Hello) error {
	if h.Version != multilang.Version {
		return fmt.Errorf("%s speaks version %d of the protocol, this host (%s) version %d: use an SDK of the host's release (`polybolt sdk` prints the one it carries)",
			h.SDK, h.Version, "polybolt", multilang.Version)
	}
	if want := t.comp.Kind.String(); h.Kind != want {
		at := ""
		if h.Place != "" {
			at = fmt.Sprintf(" (%.300s)", h.Place)
		}
		return fmt.Errorf("the topology says that %s is a %s, but the code runs a %s%s", t.comp.ID, want, h.Kind, at)
	}
	if h.Level != "rows" && h.Level != "columns" {
		return fmt.Errorf("%s wants level %q; there are rows and columns", h.SDK, h.Level)
	}
	welcome, err := t.welcome(h)
	if err != nil {
		return err
	}
	if h.Level == "columns" {
		t.decoder.Level = multilang.Columns
	}
	t.split.Limit = t.w.opts.Topology.Config.MaxMessageBytes + multilang.FrameSlack
	t.mu.Lock()
	if t.hello != nil {
		t.mu.Unlock()
		return errors.New("a second hello")
	}
	t.hello = h
	t.process.Write(welcome)
	waits := t.ledger != nil && t.spout.mode == Staged && t.state == Starting
	if waits {
		t.state = Prepared
	} else {
		t.begin()
	}
	t.mu.Unlock()
	if waits {
		t.setState(Prepared, "")
	}
	return nil
}

// welcome builds the answer to hello.
func (t *task) welcome(h *multilang.Hello) ([]byte, error) {
	top := t.w.opts.Topology
	dir := t.folder()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("scratch folder: %w", err)
	}
	level := t.comp.wanted()
	t.mu.Lock()
	t.level = level
	t.mu.Unlock()
	w := multilang.Welcome{
		Version: multilang.Version, Level: h.Level, Topology: string(top.Name), Component: string(t.comp.ID), Kind: t.comp.Kind.String(),
		Task: int(t.id), Index: t.index, Tasks: t.w.taskIDs(), Dir: dir, Conf: t.comp.Conf,
		Inputs: make([]multilang.WelcomeInput, len(t.comp.Inputs)), Outputs: []multilang.WelcomeOutput{}, Direct: t.directTo(),
		MaxMessageBytes: top.Config.MaxMessageBytes, BeatMillis: int(t.comp.Timeouts.Heartbeat.Milliseconds() / 3),
		Concurrency: max(t.comp.Concurrency, 1), LogLevel: int(level), Took: measured,
	}
	if w.Conf == nil {
		w.Conf = map[string]any{}
	}
	for source, i := range t.inputs {
		w.Inputs[i] = multilang.WelcomeInput{Component: string(source.Component), Stream: string(source.Stream), Fields: source.Fields}
	}
	for _, s := range t.comp.sources {
		w.Outputs = append(w.Outputs, multilang.WelcomeOutput{Stream: string(s.Stream), Fields: s.Fields})
	}
	buf, at := multilang.BeginFrame(nil)
	buf, err := multilang.AppendTyped(buf, multilang.TypeWelcome, &w)
	if err != nil {
		return nil, err
	}
	return multilang.EndFrame(buf, at), nil
}

// folder is the task's scratch folder.
func (t *task) folder() string {
	return filepath.Join(t.w.opts.Scratch, fmt.Sprintf("%s-%d", t.comp.ID, t.id))
}

// onReady opens the way for data.
func (t *task) onReady(r *multilang.Ready) error {
	t.mu.Lock()
	if t.hello == nil || !t.ready.IsZero() {
		t.mu.Unlock()
		return errors.New("ready out of turn")
	}
	t.ready = time.Now()
	t.spout.replays = r.Replays
	if t.ledger != nil {
		t.signalMode()
	}
	t.tellLevel()
	t.mu.Unlock()
	t.setState(Running, "")
	t.poke()
	t.pump()
	return nil
}

// onFinish notes that the spout will emit no more.
func (t *task) onFinish() error {
	if t.ledger == nil {
		return errors.New("a bolt sent finish, which is a spout's message")
	}
	t.mu.Lock()
	if !t.spout.finished {
		t.spout.finished = true
		t.w.attentive.Add(1)
	}
	t.mu.Unlock()
	t.w.stir()
	return nil
}

// maxText bounds a line before the magic.
const maxText = 8 << 10

// onText takes what the child wrote on stdout before the magic: log lines.
func (t *task) onText(b []byte) {
	t.text = append(t.text, b...)
	rest := t.text
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 && len(rest) < maxText {
			break
		}
		if i < 0 {
			i = len(rest) - 1
		}
		t.printed.Line(bytes.TrimRight(rest[:i+1], "\r\n"))
		rest = rest[i+1:]
	}
	t.text = append(t.text[:0], rest...)
}

// flushText takes a line that is not finished, and will not be.
func (t *task) flushText() {
	if len(t.text) > 0 {
		t.printed.Line(t.text)
		t.text = nil
	}
	t.printed.Tell()
}

// onStderr takes a line that is no log message.
func (t *task) onStderr(line []byte) {
	if d := t.dump.Load(); d != nil {
		d.add(line)
	}
	t.w.line(Line{Task: t.id, Component: t.comp.ID, Level: LevelInfo, Text: string(line), Raw: true, PID: t.pid()})
}

// onTooLarge handles a message beyond the limit, which has not been read
// whole: the rows that it answers fail, and the stream goes on.
func (t *task) onTooLarge(p multilang.Piece) error {
	limit := t.w.opts.Topology.Config.MaxMessageBytes
	e := multilang.Error{Kind: "exception", Type: "MessageTooLarge",
		Message: fmt.Sprintf("a message of %d bytes; max_message_bytes is %d", p.Size, limit)}
	seq, first, n, ok := multilang.ReplyHead(p.Body)
	if !ok || t.ledger != nil {
		return fmt.Errorf("a message of %d bytes, and max_message_bytes is %d", p.Size, limit)
	}
	m := &multilang.FromChild{Type: multilang.TypeReply, Seq: seq, First: first, N: n}
	for row := range n {
		m.Failed = append(m.Failed, multilang.RowError{Row: int(first) + row, Err: e})
	}
	if next := (ref{seq, first + uint32(n)}); t.inProgress(next) { // it may have lost emits, too
		m.Late = []multilang.RowError{{Seq: seq, Row: int(next.row), Err: e}}
	}
	if n == 0 && m.Late == nil { // emits of a tick, say: no row is to blame
		t.w.report(t, &e, culprit{})
	}
	return t.onReply(m)
}

func (t *task) inProgress(at ref) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.frameOf(at) != nil
}

func (t *task) pid() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.process == nil {
		return 0
	}
	return t.process.PID()
}

// taskIDs lists the tasks of every component, as a welcome tells them.
func (w *Worker) taskIDs() map[string][]int {
	m := map[string][]int{}
	for _, t := range w.opts.Topology.Tasks() {
		id := string(t.Component.ID)
		m[id] = append(m[id], int(t.ID))
	}
	return m
}
