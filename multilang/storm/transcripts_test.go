package storm

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// transcript is a conversation of multilang/testdata/storm: see its README.
type transcript struct {
	Why     string              `json:"why"`
	Spout   bool                `json:"spout,omitempty"`
	NaN     bool                `json:"nan,omitempty"`
	Forms   []string            `json:"forms,omitempty"`
	Outputs map[string][]string `json:"outputs,omitempty"`
	Direct  map[string][]int    `json:"direct,omitempty"` // of every output, if there is any
	Steps   []step              `json:"steps"`
}

type step struct {
	Host   string            `json:"host,omitempty"`   // a message from the host, as words
	Rows   [][]any           `json:"rows,omitempty"`   // of a data message
	Stdout []any             `json:"stdout,omitempty"` // what the child says; a text is printed as it is
	Stdin  []json.RawMessage `json:"stdin,omitempty"`  // what the child is given
	Frames []string          `json:"frames,omitempty"` // what the host is given
	Print  []string          `json:"print,omitempty"`  // lines that are no messages
	Wait   string            `json:"wait,omitempty"`
	Close  bool              `json:"close,omitempty"`
}

// With -update the JSON form's part of each conversation is written anew; read
// what changed before committing it.
var update = flag.Bool("update", false, "write what the adapter does into the transcripts")

func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/storm/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d transcripts: %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tr transcript
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		d.UseNumber()
		if err := d.Decode(&tr); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if *update {
			record(t, file, &tr)
		}
		forms := tr.Forms
		if forms == nil {
			forms = []string{"json", "msgpack"}
		}
		for _, form := range forms {
			for _, chunk := range []int{1 << 20, 1} {
				t.Run(fmt.Sprintf("%s/%s/%d", strings.TrimSuffix(filepath.Base(file), ".json"), form, chunk), func(t *testing.T) {
					t.Parallel()
					play(t, &tr, form == "msgpack", chunk)
				})
			}
		}
	}
}

func play(t *testing.T, tr *transcript, packed bool, chunk int) {
	o := Options{Spout: tr.Spout, Component: "c", PIDDir: "/pids", Tick: 5 * time.Second, BareNaN: tr.NaN,
		Conf: map[string]any{"k": 1}, Context: map[string]any{"taskid": 3}, Inputs: []Input{{"lines", "default"}}, Limit: 4096}
	if packed {
		o.Form = Msgpack
	}
	for _, name := range []string{"default", "second"} {
		if f := tr.Outputs[name]; f != nil {
			o.Outputs = append(o.Outputs, Output{Stream: name, Fields: f, Direct: tr.Direct[name]})
		}
	}
	a := New(o)
	p := &player{t: t, a: a, packed: packed, chunk: chunk}
	p.decoder.Level = multilang.Columns
	for _, out := range o.Outputs {
		p.decoder.Fields = append(p.decoder.Fields, len(out.Fields))
	}
	p.host("welcome", nil)
	p.host("start", nil)
	for i := range tr.Steps {
		p.step = fmt.Sprintf("step %d", i)
		if *update && !packed && chunk > 1 {
			p.record(&tr.Steps[i])
		} else {
			p.run(&tr.Steps[i])
		}
	}
	p.step = "end"
	p.run(&step{})
}

// record writes a transcript anew.
func record(t *testing.T, file string, tr *transcript) {
	play(t, tr, false, 1<<20)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(tr); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p *player) record(s *step) {
	p.act(s)
	s.Stdin, s.Frames, s.Print, s.Wait, s.Close = nil, p.frames, p.text, "", p.close
	for text := range strings.SplitSeq(strings.TrimSuffix(string(p.stdin), jsonEnd), jsonEnd) {
		if text != "" {
			if !json.Valid([]byte(text)) {
				text = fmt.Sprintf("%q", text)
			}
			s.Stdin = append(s.Stdin, json.RawMessage(text))
		}
	}
	if p.wait > 0 {
		s.Wait = p.wait.String()
	}
	p.stdin, p.frames, p.text, p.wait, p.close = nil, nil, nil, 0, false
}

func (p *player) act(s *step) {
	if s.Host != "" {
		p.host(s.Host, s.Rows)
	}
	for _, m := range s.Stdout {
		p.child(m)
	}
	p.take()
	if p.a.gathers { // a moment passes
		p.a.Wake()
		p.take()
	}
}

type player struct {
	t       *testing.T
	a       *Adapter
	decoder multilang.Decoder
	packed  bool
	chunk   int
	step    string
	rest    []byte
	stdin   []byte
	frames  []string
	text    []string
	wait    time.Duration
	close   bool
}

func (p *player) run(s *step) {
	p.act(s)
	var want []any
	for _, raw := range s.Stdin {
		var v any
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			p.t.Fatal(err)
		}
		want = append(want, v)
	}
	if got, want := p.values(p.stdin), p.wanted(want); !reflect.DeepEqual(got, want) {
		p.t.Errorf("%s: stdin\n got %q\nwant %q", p.step, got, want)
	}
	p.stdin = nil
	if p.chunk > 1 && !reflect.DeepEqual(p.frames, s.Frames) && len(p.frames)+len(s.Frames) > 0 {
		p.t.Errorf("%s: frames\n got %q\nwant %q", p.step, p.frames, s.Frames)
	}
	p.frames = nil
	if got := strings.Join(p.text, "|"); got != strings.Join(s.Print, "|") && p.chunk > 1 {
		p.t.Errorf("%s: printed %q, want %q", p.step, p.text, s.Print)
	}
	p.text = nil
	wait := time.Duration(0)
	if s.Wait != "" {
		wait, _ = time.ParseDuration(s.Wait)
	}
	if p.wait != wait || p.close != s.Close {
		p.t.Errorf("%s: wait %s, close %t", p.step, p.wait, p.close)
	}
	p.wait, p.close = 0, false
}

// host hands over a message: its name and numbers.
func (p *player) host(text string, rows [][]any) {
	words := strings.Fields(text)
	n := make([]uint32, len(words))
	for i, w := range words {
		_, _ = fmt.Sscan(w, &n[i])
	}
	b, at := multilang.BeginFrame(nil)
	switch words[0] {
	case "welcome":
		var err error
		if b, err = multilang.AppendTyped(b, multilang.TypeWelcome, &multilang.Welcome{}); err != nil {
			p.t.Fatal(err)
		}
	case "start":
		b = multilang.AppendSignal(b, multilang.TypeStart)
	case "data":
		b = multilang.AppendDataHead(b, n[1], 0, 4, len(rows), false)
		cols := make([]multilang.Builder, len(rows[0]))
		for _, row := range rows {
			for k, v := range row {
				cols[k].AddValue(packedOf(p.t, v))
			}
		}
		b = multilang.AppendArray(b, len(cols))
		for k := range cols {
			b = cols[k].AppendExt(b)
		}
	case "next":
		b = multilang.AppendNext(b, n[1], int(n[2]), 1<<20)
	case "outcome": // outcome acked N failed N
		b = multilang.AppendOutcome(b, n[2:3], n[4:5], nil)
	case "acked":
		b = multilang.AppendOutcome(b, n[1:], nil, nil)
	case "tasks":
		b = multilang.AppendTasks(b, n[1], n[2:])
	case "activate":
		b = multilang.AppendSignal(b, multilang.TypeActivate)
	case "deactivate":
		b = multilang.AppendSignal(b, multilang.TypeDeactivate)
	case "tick":
		b = multilang.AppendSignal(b, multilang.TypeTick)
	case "stop":
		b = multilang.AppendStop(b, 5000)
	case "wake":
		p.a.Wake()
		return
	case "beat":
		p.a.Beat()
		return
	default:
		p.t.Fatalf("host message %q", text)
	}
	if err := p.a.Host(multilang.EndFrame(b, at)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) child(m any) {
	b := []byte{}
	if s, ok := m.(string); ok {
		b = append(b, s...)
	} else {
		b = p.expected([]any{m})
	}
	for len(b) > 0 {
		n := min(p.chunk, len(b))
		p.rest = append(p.rest, b[:n]...)
		b = b[n:]
		used, _, err := p.a.Child(p.rest)
		if err != nil {
			p.frames = append(p.frames, "error: "+err.Error())
			p.rest = nil
			return
		}
		p.rest = append([]byte(nil), p.rest[used:]...)
		p.take()
	}
}

func (p *player) take() {
	w := p.a.Take()
	p.stdin = append(p.stdin, w.Stdin...)
	p.text = append(p.text, w.Text...)
	if !p.a.gathers {
		p.wait += w.Wait
	}
	p.close = p.close || w.CloseStdin
	s := multilang.Splitter{Limit: 1 << 20, Started: true}
	for b := w.Frames; len(b) > 0; {
		piece, err := s.Next(b)
		if err != nil || piece.Kind != multilang.Frame {
			p.t.Fatalf("%s: %v", p.step, err)
		}
		b = b[piece.Used:]
		var m multilang.FromChild
		if err := p.decoder.Decode(piece.Body, &m); err != nil {
			p.t.Fatalf("%s: %v", p.step, err)
		}
		p.frames = append(p.frames, show(&m))
	}
}

// expected writes messages in the form being tested.
func (p *player) expected(messages []any) []byte {
	var b []byte
	for _, m := range messages {
		if p.packed {
			b = append(b, packedOf(p.t, m)...)
			continue
		}
		text, err := json.Marshal(m)
		if err != nil {
			p.t.Fatal(err)
		}
		b = append(append(b, text...), "\nend\n"...)
	}
	return b
}

// wanted returns expected messages as values does: keys have no order, and a
// text stands for a message that JSON's grammar does not have.
func (p *player) wanted(messages []any) (out []string) {
	for _, m := range messages {
		if text, ok := m.(string); ok {
			out = append(out, text)
		} else {
			out = append(out, p.values(p.expected([]any{m}))...)
		}
	}
	return out
}

func (p *player) values(b []byte) []string {
	var out []string
	for len(b) > 0 {
		var v any
		if p.packed {
			x, n, err := multilang.Decode(b)
			if err != nil {
				p.t.Fatalf("%s: %v in %q", p.step, err, b)
			}
			v, b = x, b[n:]
		} else {
			text, rest, ok := bytes.Cut(b, []byte("\nend\n"))
			if !ok || bytes.ContainsAny(text, "\n") {
				p.t.Fatalf("%s: stdin is not framed: %q", p.step, b)
			}
			b = rest
			if bytes.Contains(text, []byte("NaN")) {
				out = append(out, string(text))
				continue
			}
			d := json.NewDecoder(bytes.NewReader(text))
			d.UseNumber()
			if err := d.Decode(&v); err != nil {
				p.t.Fatalf("%s: %v in %q", p.step, err, text)
			}
		}
		out = append(out, canonicalText(v))
	}
	return out
}

func canonicalText(v any) string {
	switch v := v.(type) {
	case multilang.Map:
		m := map[string]any{}
		for _, p := range v {
			m[fmt.Sprint(p.Key)] = json.RawMessage(canonicalText(p.Value))
		}
		return canonicalText(m)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = canonicalText(v[i])
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		for k, x := range v {
			if _, raw := x.(json.RawMessage); !raw {
				v[k] = json.RawMessage(canonicalText(x))
			}
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%v", v)
	}
	return string(b)
}

// packedOf turns a value of a transcript into msgpack: a number with a point is a float.
func packedOf(t *testing.T, v any) []byte {
	var plain func(v any) any
	plain = func(v any) any {
		switch v := v.(type) {
		case json.Number:
			if i, err := v.Int64(); err == nil {
				return i
			}
			f, err := v.Float64()
			if err != nil {
				t.Fatal(err)
			}
			return f
		case []any:
			out := make([]any, len(v))
			for i := range v {
				out[i] = plain(v[i])
			}
			return out
		case map[string]any:
			if hex, ok := v["bytes"].(string); ok {
				return []byte(hex)
			}
			out := map[string]any{}
			for k, x := range v {
				out[k] = plain(x)
			}
			return out
		}
		return v
	}
	b, err := multilang.Append(nil, plain(v))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
