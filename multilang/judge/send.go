package judge

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/multilang"
)

// sending is a step that writes something.
type sending struct {
	kind                string // data, next, …, as in the file
	frames              []dataFrame
	next                struct{ rows, bytes int }
	acked, failed, dead []uint32 // outcome
	tasks               []uint32
	number              int // stop: milliseconds; level
	message             []byte
	extra               []any // elements that no version knows
	chunk               int   // bytes a write; 0: as the transcript says
	together            bool  // written in one write with the next step
	holdBack            int   // so many of the last bytes stay here until a step "rest"
}

// dataFrame is a data message in the making.
type dataFrame struct {
	seq         uint32
	input, task int
	rows        [][]any
	column      *multilang.Column // instead of what would be made of rows
	runs        []uint32
}

// sendFile is a sending as it is written.
type sendFile struct {
	Send     string          `json:"send"`
	Input    int             `json:"input"`
	Task     int             `json:"task"`
	Rows     json.RawMessage `json:"rows"`
	Alone    bool            `json:"alone"`
	Runs     [][2]uint32     `json:"runs"`
	Bytes    int             `json:"bytes"`
	Acked    []uint32        `json:"acked"`
	Failed   []uint32        `json:"failed"`
	Dead     []uint32        `json:"dead"`
	Tasks    []uint32        `json:"tasks"`
	Deadline int             `json:"deadline_ms"`
	Level    int             `json:"level"`
	Message  []any           `json:"message"`
	Hex      string          `json:"hex"`
	Extra    []any           `json:"extra"`
	Chunk    int             `json:"chunk"`
	Together bool            `json:"together"`
	HoldBack int             `json:"hold_back"`
}

// compiler makes steps of what is written; it counts frames.
type compiler struct {
	vectors *vectors
	t       *Transcript
	seq     uint32
}

func (c *compiler) step(raw json.RawMessage) (step, error) {
	var which map[string]json.RawMessage
	if err := json.Unmarshal(raw, &which); err != nil {
		return step{}, err
	}
	s := step{text: strings.Join(strings.Fields(string(raw)), " ")}
	if len(s.text) > showLimit {
		s.text = s.text[:showLimit] + "…"
	}
	var err error
	if which["send"] != nil {
		s.send, err = c.sending(raw)
	} else {
		s.expect, err = c.expectation(raw)
	}
	return s, err
}

func (c *compiler) sending(raw json.RawMessage) (*sending, error) {
	f := sendFile{Task: 1, Bytes: multilang.TargetFrame, Deadline: 5000}
	if err := strictly(raw, &f); err != nil {
		return nil, err
	}
	s := &sending{kind: f.Send, acked: f.Acked, failed: f.Failed, dead: f.Dead, tasks: f.Tasks, chunk: f.Chunk, together: f.Together, holdBack: f.HoldBack}
	var err error
	if s.extra, err = untagAll(f.Extra); err != nil {
		return nil, err
	}
	switch f.Send {
	case "data":
		err = c.data(s, &f)
	case "next":
		s.next.bytes = f.Bytes
		err = json.Unmarshal(f.Rows, &s.next.rows)
	case "stop":
		s.number = f.Deadline
	case "level":
		s.number = f.Level
	case "message":
		err = s.anyMessage(f.Message)
	case "bytes":
		s.message, err = hex.DecodeString(f.Hex)
	case "outcome", "tasks", "activate", "deactivate", "tick", "end", "rest":
	default:
		err = fmt.Errorf("nothing is called %q", f.Send)
	}
	return s, err
}

func (c *compiler) data(s *sending, f *sendFile) error {
	if f.Input >= len(c.t.welcome.Inputs) {
		return fmt.Errorf("no input %d", f.Input)
	}
	rows, column, err := c.rows(f.Rows, len(c.t.welcome.Inputs[f.Input].Fields))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if n := len(c.t.welcome.Inputs[f.Input].Fields); len(row) != n {
			return fmt.Errorf("row %v has not %d values", row, n)
		}
	}
	frame := dataFrame{input: f.Input, task: f.Task, column: column}
	for _, run := range f.Runs {
		frame.runs = append(frame.runs, run[0], run[1])
	}
	add := func(rows [][]any) {
		c.seq++
		frame.seq, frame.rows = c.seq, rows
		s.frames = append(s.frames, frame)
	}
	if !f.Alone {
		add(rows)
		return nil
	}
	for i := range rows {
		add(rows[i : i+1])
	}
	return nil
}

// rows reads a list of rows, or one of the ways to have them made.
// width is that of the rows, for those that fit any schema.
func (c *compiler) rows(raw json.RawMessage, width int) ([][]any, *multilang.Column, error) {
	var list [][]any
	if err := strictly(raw, &list); err == nil {
		for i := range list {
			if list[i], err = untagAll(list[i]); err != nil {
				return nil, nil, err
			}
		}
		return list, nil, nil
	}
	var made struct {
		Vectors bool   `json:"vectors"`
		Column  string `json:"column"`
		Numbers [2]int `json:"numbers"`
		Texts   int    `json:"texts"`
	}
	if err := strictly(raw, &made); err != nil {
		return nil, nil, err
	}
	switch {
	case made.Vectors:
		return c.vectors.values, nil, nil
	case made.Column != "":
		v, ok := c.vectors.columns[made.Column]
		if !ok {
			return nil, nil, fmt.Errorf("columns.json has no %q", made.Column)
		}
		return v.rows, &v.column, nil
	}
	for i := range made.Texts {
		row := make([]any, width)
		for k := range row {
			row[k] = fmt.Sprintf("text %d of row %d", k, i)
		}
		list = append(list, row)
	}
	for i := range made.Numbers[1] {
		list = append(list, []any{int64(made.Numbers[0] + i)})
	}
	return list, nil, nil
}

func (s *sending) anyMessage(elements []any) error {
	values, err := untagAll(elements)
	if err == nil {
		s.message, err = message(values...)
	}
	return err
}

// raw is bytes that stand in a message as they are.
type raw []byte

// message makes a frame of a message's elements.
func message(elements ...any) ([]byte, error) {
	b, at := multilang.BeginFrame(nil)
	b = multilang.AppendArray(b, len(elements))
	var err error
	for _, x := range elements {
		switch x := x.(type) {
		case raw:
			b = append(b, x...)
		case []uint32:
			b = multilang.AppendU32s(b, x)
		default:
			if b, err = multilang.Append(b, x); err != nil {
				return nil, err
			}
		}
	}
	return multilang.EndFrame(b, at), nil
}

// bytes returns what a step writes; number is that of the request: next makes a
// new one, tasks answers one. json tells whether columns of kind 9 may be written.
func (s *sending) bytes(level multilang.Level, number int, json bool) ([]byte, error) {
	of := func(elements ...any) ([]byte, error) { return message(append(elements, s.extra...)...) }
	switch s.kind {
	case "data":
		var out []byte
		for i := range s.frames {
			b, err := s.frames[i].bytes(level, s.extra, json)
			if err != nil {
				return nil, err
			}
			out = append(out, b...)
		}
		return out, nil
	case "next":
		return of(multilang.TypeNext, number, s.next.rows, s.next.bytes)
	case "outcome":
		return of(multilang.TypeOutcome, s.acked, s.failed, s.dead)
	case "activate":
		return of(multilang.TypeActivate)
	case "deactivate":
		return of(multilang.TypeDeactivate)
	case "tick":
		return of(multilang.TypeTick)
	case "tasks":
		return of(multilang.TypeTasks, number, s.tasks)
	case "stop":
		return of(multilang.TypeStop, s.number)
	case "level":
		return of(multilang.TypeLevel, s.number)
	}
	return s.message, nil
}

func (f *dataFrame) bytes(level multilang.Level, extra []any, json bool) ([]byte, error) {
	cols, err := f.columns()
	if err != nil {
		return nil, err
	}
	for k := range cols {
		if !json {
			cols[k] = cols[k].WithoutJSON(len(f.rows))
		}
	}
	var body []byte
	if level == multilang.Columns {
		body = multilang.AppendColumns(nil, cols)
	} else {
		body, _ = multilang.AppendRows(nil, len(f.rows), cols, nil)
	}
	elements := []any{multilang.TypeData, int64(f.seq), f.input, f.task, len(f.rows), raw(body)}
	if f.runs != nil || len(extra) > 0 {
		runs := f.runs
		if runs == nil {
			runs = []uint32{uint32(f.task), uint32(len(f.rows))}
		}
		elements = append(elements, runs)
	}
	return message(append(elements, extra...)...)
}

func (f *dataFrame) columns() ([]multilang.Column, error) {
	if f.column != nil {
		return []multilang.Column{*f.column}, nil
	}
	var cols []multilang.Column
	for k := range f.rows[0] {
		var b multilang.Builder
		for _, row := range f.rows {
			v, err := multilang.Append(nil, row[k])
			if err != nil {
				return nil, err
			}
			b.AddValue(v)
		}
		cols = append(cols, b.Column())
	}
	return cols, nil
}
