package judge

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/polybolt/polybolt/multilang"
)

// Transcript is a conversation as the host sees it; testdata/transcripts/README.md
// describes the files. It is immutable.
type Transcript struct {
	Name      string // of its file, without the ending
	About     string // what it shows, in a sentence
	Component string // what the program is to do, by a name of the README
	Kind      string // "spout" or "bolt"
	levels    []string
	rule      string // broken by a program that does not meet an expectation
	welcome   multilang.Welcome
	replays   bool   // what ready is to say
	chunk     int    // bytes a write; 0: whole messages
	odd       bool   // the handshake has what a later version may add
	onlyStorm bool   // for components written for Storm alone
	notStorm  string // why it is not for these
	steps     []step

	source  []byte // what it was made of
	vectors *vectors
}

// Welcome returns what the program is told, but for level and scratch folder. Its
// maps and slices are the transcript's.
func (t *Transcript) Welcome() multilang.Welcome { return t.welcome }

// speaks tells whether the transcript is for a level.
func (t *Transcript) speaks(level multilang.Level) bool {
	return len(t.levels) == 0 || slices.Contains(t.levels, level.String())
}

// step is one line of a conversation: what to write, or what to wait for.
type step struct {
	text   string // as in the file, for people
	send   *sending
	expect *expectation
}

// file is a transcript as it is written.
type file struct {
	About           string            `json:"about"`
	Component       string            `json:"component"`
	Kind            string            `json:"kind"`
	Levels          []string          `json:"levels"`
	Rule            string            `json:"rule"`
	Inputs          [][]any           `json:"inputs"`
	Outputs         [][]any           `json:"outputs"`
	Conf            map[string]any    `json:"conf"`
	Tasks           map[string][]int  `json:"tasks"`
	Direct          map[string][]int  `json:"direct"`
	MaxMessageBytes int               `json:"max_message_bytes"`
	BeatMillis      int               `json:"beat_ms"`
	Concurrency     int               `json:"concurrency"`
	LogLevel        int               `json:"log_level"`
	Replays         bool              `json:"replays"`
	Chunk           int               `json:"chunk"`
	Odd             bool              `json:"odd"`
	OnlyStorm       bool              `json:"only_storm"`
	NotStorm        string            `json:"not_storm"`
	Steps           []json.RawMessage `json:"steps"`
}

// Load reads the transcripts of a folder, sorted by name. vectors is the folder
// of values.json and columns.json, from which transcripts take values.
func Load(transcripts, vectors fs.FS) ([]*Transcript, error) {
	v, err := loadVectors(vectors)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(transcripts, "*.json")
	if err != nil {
		return nil, err
	}
	var all []*Transcript
	for _, name := range names {
		b, err := fs.ReadFile(transcripts, name)
		if err != nil {
			return nil, err
		}
		t, err := parse(strings.TrimSuffix(path.Base(name), ".json"), b, v)
		if err != nil {
			return nil, fmt.Errorf("transcript %s: %w", name, err)
		}
		all = append(all, t)
	}
	return all, nil
}

// Schema is what a program needs to be told of its place that is not one of the
// reference components. What is empty stays as the transcript has it.
type Schema struct {
	Inputs  []multilang.WelcomeInput
	Outputs []multilang.WelcomeOutput
	Conf    map[string]any
}

func (s *Schema) apply(w *multilang.Welcome) {
	if s.Inputs != nil && w.Kind == "bolt" {
		w.Inputs = s.Inputs
	}
	if s.Outputs != nil {
		w.Outputs = s.Outputs
	}
	if s.Conf != nil {
		w.Conf = s.Conf
	}
}

// Any is the component of transcripts that any program can play: nothing is
// expected of what it emits.
const Any = "any"

// For returns the transcript for a program of that schema. It is meant for
// transcripts of the component [Any]; others send rows of their own schema.
func (t *Transcript) For(s Schema) (*Transcript, error) {
	return parseFor(t.Name, t.source, t.vectors, s)
}

// strictly decodes JSON without unknown keys, and keeps numbers as written.
func strictly(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	d.UseNumber()
	return d.Decode(v)
}

func parse(name string, b []byte, v *vectors) (*Transcript, error) {
	return parseFor(name, b, v, Schema{})
}

func parseFor(name string, b []byte, v *vectors, s Schema) (*Transcript, error) {
	f := file{Kind: "bolt", MaxMessageBytes: 16 << 20, BeatMillis: 10_000, Concurrency: 1, LogLevel: 2}
	if err := strictly(b, &f); err != nil {
		return nil, err
	}
	t := &Transcript{Name: name, About: f.About, Component: f.Component, Kind: f.Kind, levels: f.Levels, rule: f.Rule,
		replays: f.Replays, chunk: f.Chunk, odd: f.Odd, onlyStorm: f.OnlyStorm, notStorm: f.NotStorm, source: b, vectors: v}
	if err := t.check(); err != nil {
		return nil, err
	}
	var err error
	if t.welcome, err = f.welcome(); err != nil {
		return nil, err
	}
	s.apply(&t.welcome)
	c := compiler{vectors: v, t: t}
	for i, raw := range f.Steps {
		s, err := c.step(raw)
		if err != nil {
			return nil, fmt.Errorf("step %d: %s: %w", i+1, raw, err)
		}
		t.steps = append(t.steps, s)
	}
	if n := len(t.steps); n == 0 || t.steps[n-1].expect == nil || t.steps[n-1].expect.exit == nil {
		return nil, fmt.Errorf("the last step does not expect the program's exit")
	}
	return t, nil
}

func (t *Transcript) check() error {
	for _, level := range t.levels {
		if level != "rows" && level != "columns" {
			return fmt.Errorf("level %q", level)
		}
	}
	switch {
	case t.About == "" || t.Component == "":
		return fmt.Errorf("about and component are needed")
	case t.Kind != "spout" && t.Kind != "bolt":
		return fmt.Errorf("kind %q", t.Kind)
	case !isRule(t.rule):
		return fmt.Errorf("no rule %q", t.rule)
	}
	return nil
}

// task is the one that the program is told to be.
const task = 4

func (f *file) welcome() (multilang.Welcome, error) {
	w := multilang.Welcome{
		Version: multilang.Version, Topology: "transcript", Component: f.Component, Kind: f.Kind, Task: task,
		Tasks: map[string][]int{f.Component: {task, task + 1}}, Conf: map[string]any{},
		Inputs: []multilang.WelcomeInput{}, Outputs: []multilang.WelcomeOutput{},
		MaxMessageBytes: f.MaxMessageBytes, BeatMillis: f.BeatMillis, Concurrency: f.Concurrency, LogLevel: f.LogLevel,
	}
	if f.Tasks != nil {
		w.Tasks = f.Tasks
	}
	w.Direct = f.Direct
	for k, v := range f.Conf {
		value, err := plain(v)
		if err != nil {
			return w, fmt.Errorf("conf %s: %w", k, err)
		}
		w.Conf[k] = value
	}
	for _, in := range f.Inputs {
		names, fields, err := schema(in, 2)
		if err != nil {
			return w, fmt.Errorf("input %v: %w", in, err)
		}
		w.Inputs = append(w.Inputs, multilang.WelcomeInput{Component: names[0], Stream: names[1], Fields: fields})
	}
	for _, out := range f.Outputs {
		names, fields, err := schema(out, 1)
		if err != nil {
			return w, fmt.Errorf("output %v: %w", out, err)
		}
		w.Outputs = append(w.Outputs, multilang.WelcomeOutput{Stream: names[0], Fields: fields})
	}
	return w, nil
}

// schema reads n names and a list of fields.
func schema(list []any, n int) (names, fields []string, err error) {
	if len(list) != n+1 {
		return nil, nil, fmt.Errorf("not %d names and a list of fields", n)
	}
	for _, x := range list[:n] {
		names = append(names, fmt.Sprint(x))
	}
	last, _ := list[n].([]any)
	for _, x := range last {
		fields = append(fields, fmt.Sprint(x))
	}
	if len(fields) == 0 {
		return nil, nil, fmt.Errorf("no fields")
	}
	return names, fields, nil
}

// plain makes of JSON what a conf may hold.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, nil
		}
		return v.Float64()
	case []any:
		for i := range v {
			var err error
			if v[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			var err error
			if v[k], err = plain(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// vectors are the golden values and columns.
type vectors struct {
	values  [][]any // as rows of one value
	columns map[string]vectorColumn
}

type vectorColumn struct {
	column multilang.Column
	rows   [][]any
}

func loadVectors(dir fs.FS) (*vectors, error) {
	var values []struct {
		Value any `json:"value"`
	}
	var columns []struct {
		Name   string `json:"name"`
		Kind   int    `json:"kind"`
		Values []any  `json:"values"`
		Data   string `json:"data"`
	}
	for name, to := range map[string]any{"values.json": &values, "columns.json": &columns} {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if err := d.Decode(to); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	v := &vectors{columns: map[string]vectorColumn{}}
	for _, x := range values {
		value, err := untag(x.Value)
		if err != nil {
			return nil, err
		}
		v.values = append(v.values, []any{value})
	}
	for _, c := range columns {
		data, err := hex.DecodeString(c.Data)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		list, err := untagAll(c.Values)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		vc := vectorColumn{column: multilang.Column{Kind: multilang.Kind(c.Kind), Data: data}}
		for _, x := range list {
			vc.rows = append(vc.rows, []any{x})
		}
		v.columns[c.Name] = vc
	}
	return v, nil
}
