package multilang

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

type frameVector struct {
	Name    string `json:"name"`
	From    string `json:"from"`
	Frame   string `json:"frame"`
	Message []any  `json:"message"`
}

// decodeMessage reads a message as values, its exts as columns.
func decodeMessage(b []byte) (any, int) {
	if hdr, n := extHead(b); hdr > 0 && int8(b[hdr-1]) > 0 {
		return Column{Kind(b[hdr-1]), b[hdr : hdr+int(n)]}, hdr + int(n)
	}
	n, children, kind, err := head(b)
	must(err)
	if kind != list {
		v, n, err := Decode(b)
		must(err)
		return v, n
	}
	vs := []any{}
	for range children {
		v, k := decodeMessage(b[n:])
		vs = append(vs, v)
		n += k
	}
	return vs, n
}

func builtColumn(values ...any) Column {
	var b Builder
	for _, v := range values {
		m, err := Append(nil, v)
		must(err)
		b.AddValue(m)
	}
	return b.Column()
}

func u32s(v ...uint32) U32s {
	var b []byte
	for _, x := range v {
		b = le.AppendUint32(b, x)
	}
	return b
}

var vectorError = Error{"exception", "ValueError", "no such word: é", "Traceback …\nValueError: no such word: é\n", "split.py:7"}

// vectorWelcome has every key of a welcome.
var vectorWelcome = Welcome{
	Version: 1, Level: "columns", Topology: "word-count", Component: "count", Kind: "bolt", Task: 4, Index: 1,
	Tasks: map[string][]int{"lines": {1}, "split": {2}, "count": {3, 4}}, Dir: "/scratch/count-4",
	Conf:   map[string]any{"path": "book.txt", "n": 3, "deep": map[string]any{"a": []any{1, nil, 2.5}}},
	Inputs: []WelcomeInput{{Component: "split", Stream: "default", Fields: []string{"word"}}},
	Outputs: []WelcomeOutput{{Stream: "default", Fields: []string{"word", "count"}},
		{Stream: "rare", Fields: []string{"word"}}},
	MaxMessageBytes: 16 << 20, BeatMillis: 10000, Concurrency: 1, LogLevel: 2,
}

func vectorFrames() []frameVector {
	var out []frameVector
	add := func(from, name string, body []byte) {
		frame, at := BeginFrame(nil)
		frame = EndFrame(append(frame, body...), at)
		m, n := decodeMessage(body)
		if n != len(body) {
			panic(name)
		}
		out = append(out, frameVector{name, from, hex.EncodeToString(frame), tag(m).(map[string]any)["list"].([]any)})
	}
	typed := func(typ byte, v any) []byte {
		b, err := AppendTyped(nil, typ, v)
		must(err)
		return b
	}
	words, counts := builtColumn("the", "", "žluť"), builtColumn(int64(1), int64(-2), int64(1<<40))
	data := func(level Level, runs []uint32, cols ...Column) []byte {
		b := AppendDataHead(nil, 7, 0, 2, 3, runs != nil)
		if level == Columns {
			b = AppendColumns(b, cols)
		} else {
			b, _ = AppendRows(b, 3, cols, nil)
		}
		if runs != nil {
			b = AppendU32s(b, runs)
		}
		return b
	}
	add("host", "welcome", typed(TypeWelcome, &vectorWelcome))
	for _, s := range []struct {
		name string
		typ  byte
	}{{"start", TypeStart}, {"activate", TypeActivate}, {"deactivate", TypeDeactivate}, {"tick", TypeTick}} {
		add("host", s.name, AppendSignal(nil, s.typ))
	}
	add("host", "data columns", data(Columns, nil, words, counts))
	add("host", "data columns with runs", data(Columns, []uint32{2, 1, 5, 2}, words))
	add("host", "data columns mixed and nullable", data(Columns, nil, builtColumn("a", int64(1), nil), builtColumn(nil, "x", "y")))
	add("host", "data rows", data(Rows, nil, words, counts))
	add("host", "next", AppendNext(nil, 300, 4000, 262144))
	add("host", "outcome", AppendOutcome(nil, []uint32{0, 1, 70000}, []uint32{2}, nil))
	add("host", "tasks", AppendTasks(nil, 12, []uint32{3, 4}))
	add("host", "stop", AppendStop(nil, 5000))
	add("host", "level", AppendLevel(nil, 1))

	add("child", "hello", typed(TypeHello, &Hello{Version: 1, Level: "columns", Kind: "bolt", SDK: "polybolt-python 0.1.0",
		Runtime: "CPython 3.11.2", PID: 77, Features: []string{"beat", "json", "stacks"}, StackSignal: 10}))
	add("child", "hello of level rows", typed(TypeHello, &Hello{Version: 1, Level: "rows", Kind: "spout", SDK: "mine 0.1", PID: 1, Features: []string{}}))
	add("child", "ready", typed(TypeReady, &Ready{Replays: true}))
	group := Group{N: 3, How: AnchorEnds, Anchors: u32s(1, 3), Cols: []Column{words, counts}, IDs: -1}
	add("child", "reply", AppendReply(nil, &FromChild{Seq: 7, N: 2, Groups: []Group{group}}))
	each := Group{Stream: 1, N: 3, How: AnchorEach, Cols: []Column{words}, IDs: -1}
	add("child", "reply one for one", AppendReply(nil, &FromChild{Seq: 7, First: 2, N: 3, Groups: []Group{each}}))
	add("child", "reply without emits", AppendReply(nil, &FromChild{Seq: 8, N: 100}))
	add("child", "reply to frame 0", AppendReply(nil, &FromChild{Groups: []Group{{N: 1, Cols: []Column{builtColumn("tick"), builtColumn(int64(0))}, IDs: -1}}}))
	add("child", "reply with everything", AppendReply(nil, &FromChild{Seq: 7, First: 1, N: 4,
		Groups: []Group{{N: 2, How: AnchorRefs, Anchors: u32s(7, 1, 6, 0), Cols: []Column{builtColumn("a", "b"), builtColumn(nil, int64(2))},
			Direct: u32s(3, 4), Multi: []Multi{{1, u32s(7, 1, 6, 0, 5, 2)}}, IDs: -1},
			{Stream: 1, N: 1, How: AnchorRefs, Anchors: u32s(7, 1), Cols: []Column{builtColumn("c")}, IDs: 12}},
		Failed: []RowError{{Row: 2, Err: vectorError}}, Held: u32s(3, 4), Acked: u32s(6, 0, 5, 2),
		Late: []RowError{{Seq: 5, Row: 9, Err: Error{Kind: "fail"}}}}))
	add("child", "rows", AppendSpoutRows(nil, &FromChild{Seq: 300, Final: true, First: 41, Groups: []Group{{N: 3, Cols: []Column{words}, IDs: -1}}}))
	add("child", "rows that want an outcome", AppendSpoutRows(nil, &FromChild{Seq: 301, First: 44,
		Groups: []Group{{N: 3, How: AnchorEach, Cols: []Column{words}, IDs: -1}, {Stream: 1, N: 3, How: AnchorEnds, Anchors: u32s(0, 2), Cols: []Column{words}, IDs: -1}}}))
	add("child", "rows, none", AppendSpoutRows(nil, &FromChild{Seq: 302, Final: true, First: 50}))
	add("child", "beat", AppendSignal(nil, TypeBeat))
	add("child", "finish", AppendSignal(nil, TypeFinish))
	add("child", "left", AppendLeft(nil, 300))
	add("child", "log", AppendLog(nil, 3, "disk is nearly full", "app.disk"))
	add("child", "error", AppendError(nil, &vectorError))
	add("child", "metric", AppendMetrics(nil, []Metric{{"hits", "counter", []float64{2}}, {"depth", "gauge", []float64{-1.5}}, {"ms", "histogram", []float64{1, 2.5}}}))
	return out
}

func TestFrameVectors(t *testing.T) {
	golden(t, "frames.json", vectorFrames())
	var vectors []frameVector
	load(t, "frames.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			s := Splitter{Started: true}
			frame := unhex(v.Frame)
			p, err := s.Next(frame)
			if err != nil || p.Kind != Frame || p.Used != len(frame) {
				t.Fatalf("%+v %v", p, err)
			}
			level := Columns
			if strings.HasSuffix(v.Name, "rows") && v.From == "host" {
				level = Rows
			}
			if v.From == "child" {
				d := Decoder{Level: level, Fields: []int{len(streamFields(v.Name)), 1}}
				if err := d.Decode(p.Body, new(FromChild)); err != nil {
					t.Error(err)
				}
			} else if level == Columns {
				if err := new(ToChild).Decode(p.Body); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// streamFields: in the vectors, the rows of spouts have one field, replies two.
func streamFields(name string) string {
	if strings.HasPrefix(name, "rows") {
		return "1"
	}
	return "12"
}

// The answer names the tasks of rows one after another: of one row only can it be told which are whose.
func TestIDsAreAskedForOneRow(t *testing.T) {
	for _, n := range []int{1, 2} {
		row := builtColumn([]any{"a", "b"}[:n]...)
		d := Decoder{Level: Columns, Fields: []int{1}}
		err := d.Decode(AppendReply(nil, &FromChild{Seq: 1, N: 1, Groups: []Group{{N: n, Cols: []Column{row}, IDs: 3}}}), new(FromChild))
		if wrong := err != nil; wrong != (n != 1) || wrong && !strings.Contains(err.Error(), "task ids") {
			t.Errorf("%d rows: %v", n, err)
		}
	}
}

func TestWelcomeComesBack(t *testing.T) {
	b, err := AppendTyped(nil, TypeWelcome, &vectorWelcome)
	must(err)
	var m ToChild
	must(m.Decode(b))
	conf := m.Welcome.Conf
	m.Welcome.Conf = vectorWelcome.Conf
	if !reflect.DeepEqual(*m.Welcome, vectorWelcome) || fmt.Sprint(conf["path"], " ", conf["n"]) != "book.txt 3" {
		t.Errorf("%+v", m.Welcome)
	}
}

type badVector struct {
	Name    string `json:"name"`
	Frame   string `json:"frame,omitempty"`
	Msgpack string `json:"msgpack,omitempty"`
	Why     string `json:"why"`
}

func vectorBad() []badVector {
	deep := strings.Repeat("91", MaxDepth+1) + "01"
	return []badVector{
		{"array of 2^32-1", "", "ddffffffff", "count beyond the bytes"}, {"map of 2^32-1", "", "dfffffffff", "count beyond the bytes"},
		{"array of 65535", "", "dcffff", "count beyond the bytes"}, {"map of 65535", "", "deffff01", "count beyond the bytes"},
		{"str of 2^32-1", "", "dbffffffff61", "length beyond the bytes"}, {"bin of 2^32-1", "", "c6ffffffff", "length beyond the bytes"},
		{"ext of 2^32-1", "", "c9ffffffff05", "length beyond the bytes"}, {"fixstr cut short", "", "a36162", "cut short"}, {"int64 cut short", "", "d30000", "cut short"},
		{"float cut short", "", "cb00", "cut short"}, {"array cut short", "", "930102", "cut short"}, {"map cut short", "", "8101", "cut short"}, {"empty", "", "", "cut short"},
		{"nested too deep", "", deep, "deeper than 32"}, {"an empty list too deep", "", strings.Repeat("91", MaxDepth) + "90", "deeper than 32"}, {"deep maps", "", strings.Repeat("8101", 100) + "01", "deeper than 32"},
		{"never used byte", "", "c1", "no value"}, {"uint64 beyond int64", "", "cf8000000000000000", "beyond 64 signed bits"},
		{"list as a map key", "", "81910101", "key is a list"}, {"map as a map key", "", "818001", "key is a map"}, {"ext 5", "", "d40500", "unknown ext"},
		{"timestamp with 10^9 ns", "", "d7ffee6b280000000000", "nanoseconds"},
		{"frame of nothing", "00000000", "", "no message"}, {"frame that is no array", "0000000101", "", "no array"}, {"text instead of frames", hex.EncodeToString([]byte("hello world\n")), "", "no frame"},
		{"data with a column of too few rows", "0000000b96030100020291d5056162", "", "one string for two rows"},
		{"data with an int column of 7 bytes", "0000001196030100020191c7070301020304050607", "", "7 bytes"},
		{"data with kind 99", "0000000a96030100020191d46300", "", "unknown kind"},
		{"data with a str that is not UTF-8", "0000000a96030100020191d405ff", "", "not UTF-8"},
		{"data with columns but no rows", "0000000a96030100020091d40561", "", "no rows"},
		{"unknown message type 40", "000000029128", "", "unknown type"},
	}
}

func TestBadVectors(t *testing.T) {
	golden(t, "bad.json", vectorBad())
	var vectors []badVector
	load(t, "bad.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			if v.Frame == "" {
				if _, _, err := Decode(unhex(v.Msgpack)); err == nil {
					t.Error("decoded")
				}
				return
			}
			s := Splitter{Started: true}
			p, err := s.Next(unhex(v.Frame))
			if err == nil && p.Kind == Frame {
				err = new(ToChild).Decode(p.Body)
			} else if err == nil && p.Kind == More {
				t.Fatal("waits for more")
			}
			if err == nil {
				t.Error("decoded")
			}
		})
	}
}
