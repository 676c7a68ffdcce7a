package judge

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/multilang"
)

// read takes one piece of the program's output; more is false when there is no
// whole one.
func (p *player) read() (more bool, err error) {
	if len(p.unread) == 0 {
		return false, nil
	}
	piece, err := p.splitter.Next(p.unread)
	if err != nil {
		p.frame = p.unread[:min(len(p.unread), 64)]
		return false, brokenRule{breaks("frame", "%s", err)}
	}
	p.unread = p.unread[piece.Used:]
	switch piece.Kind {
	case multilang.More:
		return piece.Used > 0, nil
	case multilang.Text:
		p.keepText(event{stderr: piece.Body})
	case multilang.TooLarge:
		p.frame = piece.Body
		return false, brokenRule{breaks("size", "a message of %d bytes", piece.Size)}
	case multilang.Frame:
		p.frame = append([]byte(nil), piece.Body...)
		if err := p.message(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// message takes one message.
func (p *player) message() error {
	var m multilang.FromChild
	if err := p.decoder.Decode(p.frame, &m); err != nil {
		return brokenRule{breaks(p.ruleOfForm(err), "%s", err)}
	}
	if p.hello == nil && m.Type != multilang.TypeHello {
		return brokenRule{breaks("hello", "the first message is of type %d", m.Type)}
	}
	var b *breach
	switch m.Type {
	case multilang.TypeHello:
		b = p.onHello(&m)
	case multilang.TypeReady:
		b = p.onReady(m.Ready)
	case multilang.TypeReply, multilang.TypeRows, multilang.TypeFinish, multilang.TypeLeft:
		b = p.onWork(&m)
	default:
		p.onSaid(&m)
	}
	if b != nil {
		return brokenRule{b}
	}
	return nil
}

// ruleOfForm finds the rule for a message that cannot be decoded.
func (p *player) ruleOfForm(err error) string {
	count, n, ok := arrayAt(p.frame)
	if !ok || count == 0 {
		return "frame"
	}
	typ, _, decodeErr := multilang.Decode(p.frame[n:])
	kind, isInt := typ.(int64)
	if decodeErr != nil || !isInt {
		return "frame"
	}
	rules := map[int64]string{multilang.TypeHello: "hello.map", multilang.TypeReady: "ready", multilang.TypeReply: "reply", multilang.TypeRows: "rows",
		multilang.TypeLog: "log", multilang.TypeError: "error", multilang.TypeMetric: "metric"}
	rule, known := rules[kind]
	switch {
	case !known:
		return "unknown"
	case rule != "reply" && rule != "rows":
		return rule
	case strings.Contains(err.Error(), "task ids"):
		return "ids"
	case strings.Contains(err.Error(), "column"):
		return "columns"
	case strings.Contains(err.Error(), "row of"), strings.Contains(err.Error(), "rows, not"), strings.Contains(err.Error(), "body"), errors.Is(err, multilang.ErrTruncated):
		return map[multilang.Level]string{multilang.Rows: "row", multilang.Columns: "columns"}[p.level]
	case strings.Contains(err.Error(), "group"), strings.Contains(err.Error(), "stream"):
		return "group"
	}
	return rule
}

// onHello checks the greeting. The decoder has made zeros of keys that are not there.
func (p *player) onHello(m *multilang.FromChild) *breach {
	if p.hello != nil {
		return breaks("hello", "a second hello")
	}
	value, _, err := multilang.Decode(p.frame)
	if err != nil {
		return breaks("hello.map", "%s", err)
	}
	keys, _ := value.([]any)[1].(multilang.Map)
	for _, name := range []string{"version", "level", "kind", "sdk", "pid", "features"} {
		found := false
		for _, pair := range keys {
			found = found || pair.Key == name
		}
		if !found {
			return breaks("hello.map", "it has no %s", name)
		}
	}
	h := m.Hello
	switch {
	case h.Version != multilang.Version:
		return breaks("hello.map", "version %d; this is version %d", h.Version, multilang.Version)
	case h.Level != "rows" && h.Level != "columns":
		return breaks("hello.map", "level %q", h.Level)
	case h.Kind != "spout" && h.Kind != "bolt":
		return breaks("hello.map", "kind %q", h.Kind)
	case h.Kind != p.t.Kind && p.t.Kind != "":
		return breaks("hello.map", "it is a %s; %s is a %s", h.Kind, p.t.Component, p.t.Kind)
	case h.SDK == "" || h.PID <= 0 && p.opts.Storm == nil:
		return breaks("hello.map", "sdk is %q, pid %d", h.SDK, h.PID)
	}
	p.hello = h
	p.splitter.Limit = p.t.welcome.MaxMessageBytes + multilang.FrameSlack
	return nil
}

func (p *player) onReady(r *multilang.Ready) *breach {
	if p.ready {
		return breaks("ready", "it is ready a second time")
	}
	if r.Replays != p.t.replays && p.t.Component != Any && p.opts.Storm == nil {
		return breaks("ready", "replays is %v, and this component is to say %v", r.Replays, p.t.replays)
	}
	p.ready = true
	return nil
}

// onWork takes what only one kind of component may send.
func (p *player) onWork(m *multilang.FromChild) *breach {
	switch {
	case !p.ready:
		return breaks("start", "a message of type %d before ready", m.Type)
	case m.Type == multilang.TypeReply && p.t.Kind == "spout":
		return breaks("reply", "a reply from a spout")
	case m.Type == multilang.TypeReply:
		return p.ledger.reply(m)
	case p.t.Kind == "bolt":
		return breaks("rows", "a message of type %d from a bolt", m.Type)
	case m.Type == multilang.TypeFinish:
		if p.seen.finished {
			return breaks("finish", "a second finish")
		}
		p.seen.finished = true
		return nil
	}
	if m.Type == multilang.TypeLeft {
		return nil
	}
	answered, b := p.source.rows(m)
	if b == nil && answered != nil {
		if err := p.askAgain(answered); err != nil {
			panic(fmt.Sprintf("a request that was written before cannot be written: %v", err))
		}
	}
	return b
}

// onSaid takes what may come at any time.
func (p *player) onSaid(m *multilang.FromChild) {
	s := &p.seen
	switch m.Type {
	case multilang.TypeBeat:
		s.beats++
	case multilang.TypeError:
		s.errors = append(s.errors, m.Err)
		p.keepText(event{stderr: []byte(cmp.Or(m.Err.Traceback, m.Err.Message) + "\n")})
	case multilang.TypeLog:
		s.logs = append(s.logs, logLine{m.Level, m.Text})
		p.keepText(event{stderr: []byte(m.Text + "\n")})
	case multilang.TypeMetric:
		for _, x := range m.Metric {
			got := s.metrics[x.Name]
			switch {
			case x.Kind == "histogram":
				x.Values = append(got.values, x.Values...)
			case x.Kind == "counter" && len(got.values) == 1:
				x.Values = []float64{got.values[0] + x.Values[0]}
			}
			s.metrics[x.Name] = wantMetric{x.Name, x.Kind, x.Values}
		}
	}
}
