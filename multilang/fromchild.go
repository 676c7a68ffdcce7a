package multilang

import "fmt"

// How says which input rows the rows of a group are anchored to, or (of a
// spout) which of them want an outcome.
type How uint8

// The values of How. A spout uses None, Each and Ends, and reads Ends as the
// positions of the rows that want an outcome.
const (
	AnchorNone How = 0
	AnchorEach How = 1
	AnchorEnds How = 2
	AnchorRefs How = 3
)

// Group is what was emitted on one stream.
type Group struct {
	Stream  int
	N       int
	How     How
	Anchors U32s
	Cols    []Column
	Direct  U32s    // a task for each row, or empty
	Multi   []Multi // rows with anchors of their own
	IDs     int     // request for task ids; -1: none

	builders []Builder // of level rows, kept for their memory
}

// Multi gives one emitted row its anchors.
type Multi struct {
	Row  int
	Refs U32s // pairs of seq, row
}

// Error is what went wrong in user code. It is the map of PROTOCOL.md.
type Error struct {
	Kind      string // "exception" or "fail"
	Type      string
	Message   string
	Traceback string
	Place     string // file:line
}

// RowError is a row that failed. Seq is set for late ones only.
type RowError struct {
	Seq uint32
	Row int
	Err Error
}

// Metric is one reading of a user's metric.
type Metric struct {
	Name   string
	Kind   string    // "counter", "gauge" or "histogram"
	Values []float64 // one, or the observations of a histogram
}

// FromChild is a message from a child. Reusing one saves allocations; its
// slices alias the decoded bytes.
type FromChild struct {
	Type   int
	Hello  *Hello
	Ready  *Ready
	Seq    uint32
	First  uint32
	N      int // reply: covered rows; left: ids
	Final  bool
	Groups []Group
	Failed []RowError
	Held   U32s
	Acked  U32s // pairs of seq, row
	Late   []RowError
	Took   int64 // reply: nanoseconds in user code since the reply before; 0: not told
	Level  int
	Text   string
	Logger string
	Err    Error
	Metric []Metric
}

// Decoder reads the messages of one child.
type Decoder struct {
	Level  Level
	Fields []int // of each output stream
}

// Decode reads one message into m. Every column and row in it has been checked.
func (d *Decoder) Decode(body []byte, m *FromChild) error {
	r := reader{b: body}
	size := r.array("message")
	groups := m.Groups[:0]
	*m = FromChild{Type: r.uint("type", 1<<16), Failed: m.Failed[:0], Late: m.Late[:0], Metric: m.Metric[:0]}
	m.Groups = groups
	switch m.Type {
	case TypeHello:
		m.Hello = new(Hello)
		r.typed(m.Hello)
	case TypeReady:
		m.Ready = new(Ready)
		r.typed(m.Ready)
	case TypeReply:
		d.reply(&r, m, size)
	case TypeRows:
		m.Seq, m.Final, m.First = uint32(r.uint("seq", 1<<32-1)), r.bool("final"), uint32(r.uint("first", 1<<32-1))
		d.groups(&r, m)
	case TypeLog:
		m.Level, m.Text = r.uint("level", 4), text(r.value())
		if size > 3 {
			m.Logger = text(r.value())
		}
	case TypeError:
		m.Err = r.error()
	case TypeMetric:
		d.metrics(&r, m)
	case TypeBeat, TypeFinish:
	case TypeLeft:
		m.N = r.uint("left", 1<<31)
	default:
		if r.err == nil && m.Type < TypeOptional {
			r.fail(fmt.Sprintf("message of unknown type %d", m.Type))
		}
	}
	return r.err
}

func (d *Decoder) reply(r *reader, m *FromChild, size int) {
	m.Seq, m.First, m.N = uint32(r.uint("seq", 1<<32-1)), uint32(r.uint("first", 1<<32-1)), r.uint("rows", MaxFrameRows)
	d.groups(r, m)
	if size > 5 {
		d.side(r, m)
	}
}

func (d *Decoder) groups(r *reader, m *FromChild) {
	n := r.array("groups")
	for i := 0; i < n && r.err == nil; i++ {
		if len(m.Groups) < cap(m.Groups) {
			m.Groups = m.Groups[:i+1]
		} else {
			m.Groups = append(m.Groups, Group{})
		}
		d.group(r, &m.Groups[i], m.N)
	}
}

func (d *Decoder) group(r *reader, g *Group, covered int) {
	size := r.array("group")
	*g = Group{Cols: g.Cols[:0], Multi: g.Multi[:0], builders: g.builders, IDs: -1}
	g.Stream = r.uint("stream", int64(len(d.Fields))-1)
	g.N = r.uint("rows", MaxFrameRows)
	g.How = How(r.uint("how", int64(AnchorRefs)))
	width := 1
	if g.How == AnchorRefs {
		width = 2
	}
	g.Anchors = r.u32s("anchors", width)
	if r.err != nil {
		return
	}
	if g.N == 0 {
		r.fail("group without rows")
		return
	}
	d.body(r, g)
	if size > 5 {
		g.options(r)
	}
}

func (d *Decoder) body(r *reader, g *Group) {
	fields := d.Fields[g.Stream]
	if d.Level == Columns {
		g.Cols = r.columns(g.Cols, g.N)
		if r.err == nil && len(g.Cols) != fields {
			r.fail(fmt.Sprintf("%d columns for stream %d, which has %d fields", len(g.Cols), g.Stream, fields))
		}
		return
	}
	for len(g.builders) < fields {
		g.builders = append(g.builders, Builder{})
	}
	for i := range g.builders {
		g.builders[i].Reset()
	}
	if n := r.array("body"); n != g.N {
		r.fail(fmt.Sprintf("%d rows, not %d", n, g.N))
	}
	for i := 0; i < g.N && r.err == nil; i++ {
		if n := r.array("row"); n != fields {
			r.fail(fmt.Sprintf("row of %d values on stream %d, which has %d fields", n, g.Stream, fields))
			return
		}
		for k := 0; k < fields && r.err == nil; k++ {
			if v := r.value(); v != nil {
				g.builders[k].AddValue(v)
			}
		}
	}
	for k := 0; k < fields && r.err == nil; k++ {
		g.Cols = append(g.Cols, g.builders[k].Column())
	}
}

func (g *Group) options(r *reader) {
	for n := r.mapping("options"); n > 0 && r.err == nil; n-- {
		switch r.str("option") {
		case "direct":
			if g.Direct = r.u32s("direct", 1); r.err == nil && g.Direct.Len() != g.N {
				r.fail(fmt.Sprintf("%d direct tasks for %d rows", g.Direct.Len(), g.N))
			}
		case "multi":
			for k := r.array("multi"); k > 0 && r.err == nil; k-- {
				if r.array("multi") != 2 {
					r.fail("multi is not a list of pairs")
				}
				m := Multi{Row: r.uint("row", int64(g.N)-1), Refs: r.u32s("refs", 2)}
				g.Multi = append(g.Multi, m)
			}
		case "ids":
			if g.IDs = r.uint("ids", 1<<32-1); r.err == nil && g.N != 1 {
				r.fail(fmt.Sprintf("a group of %d rows asks for task ids, which one of exactly one row may", g.N))
			}
		default:
			r.value()
		}
	}
}

func (d *Decoder) side(r *reader, m *FromChild) {
	for n := r.mapping("side"); n > 0 && r.err == nil; n-- {
		switch r.str("side") {
		case "failed":
			for k := r.array("failed"); k > 0 && r.err == nil; k-- {
				if r.array("failed") != 2 {
					r.fail("failed is not a list of pairs")
				}
				m.Failed = append(m.Failed, RowError{Row: r.uint("row", MaxFrameRows), Err: r.error()})
			}
		case "late":
			for k := r.array("late"); k > 0 && r.err == nil; k-- {
				if r.array("late") != 3 {
					r.fail("late is not a list of triples")
				}
				m.Late = append(m.Late, RowError{uint32(r.uint("seq", 1<<32-1)), r.uint("row", MaxFrameRows), r.error()})
			}
		case "held":
			m.Held = r.u32s("held", 1)
		case "acked":
			m.Acked = r.u32s("acked", 2)
		case "took":
			m.Took = r.int("took")
			if r.err == nil && m.Took < 0 {
				r.fail("took is below zero")
			}
		default:
			r.value()
		}
	}
}

// maxText bounds the texts of an error or a log line.
const maxText = 64 << 10

// text reads a str or a bin as text, whatever its bytes, cut to maxText.
func text(v []byte) string {
	if v == nil {
		return ""
	}
	s, ok := strValue(v)
	if !ok {
		s, _ = binValue(v)
	}
	if len(s) > maxText {
		s = s[:maxText]
	}
	return string([]rune(string(s))) // each stray byte becomes U+FFFD
}

func (r *reader) error() Error {
	var e Error
	for n := r.mapping("error"); n > 0 && r.err == nil; n-- {
		key := r.str("error key")
		v := r.value()
		switch key {
		case "kind":
			e.Kind = text(v)
		case "type":
			e.Type = text(v)
		case "message":
			e.Message = text(v)
		case "traceback":
			e.Traceback = text(v)
		case "place":
			e.Place = text(v)
		}
	}
	return e
}

func (d *Decoder) metrics(r *reader, m *FromChild) {
	for n := r.array("metrics"); n > 0 && r.err == nil; n-- {
		if r.array("metric") != 3 {
			r.fail("metric is not name, kind and value")
		}
		x := Metric{Name: r.str("name"), Kind: r.str("kind")}
		if x.Kind == "histogram" {
			for k := r.array("observations"); k > 0 && r.err == nil; k-- {
				x.Values = append(x.Values, r.number("observation"))
			}
		} else {
			x.Values = []float64{r.number("value")}
		}
		m.Metric = append(m.Metric, x)
	}
}

func (r *reader) number(what string) float64 {
	if r.peekInt() {
		return float64(r.int(what))
	}
	v := r.next()
	if v == nil {
		return 0
	}
	f, ok := floatValue(v)
	if !ok {
		r.fail(what + " is not a number")
	}
	return f
}

// ReplyHead reads the beginning of a reply of which the rest is missing.
func ReplyHead(b []byte) (seq, first uint32, n int, ok bool) {
	r := reader{b: b}
	r.array("message")
	typ := r.uint("type", 1<<16)
	seq, first, n = uint32(r.uint("seq", 1<<32-1)), uint32(r.uint("first", 1<<32-1)), r.uint("rows", MaxFrameRows)
	return seq, first, n, r.err == nil && typ == TypeReply
}
