package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// expectation is a step that waits until all it names has been seen. Whatever
// else is seen meanwhile is wrong, but for log lines and beats.
type expectation struct {
	rule     string
	within   time.Duration // since the last sending; 0: as patient as the player
	outcomes map[ref]wantOutcome
	emitted  map[string][]wantRow
	answered bool // every request for rows is answered
	finished bool
	errors   []wantError
	logs     []wantLog
	metrics  []wantMetric
	printed  []string
	beats    int
	exit     *wantExit
	loose    bool // of a program of which nothing is known: whatever it emits, fails or reports is as good as anything
}

type wantOutcome struct {
	state state     // open: whatever becomes of it
	err   wantError // of failed
}

// wantError is what an error's texts must be (kind) or contain.
type wantError struct {
	Kind    string   `json:"kind"`
	Message []string `json:"message"`
}

func (w wantError) String() string {
	return fmt.Sprintf("an error of kind %s with %q in its message", w.Kind, w.Message)
}

func (w wantError) mismatch(e *multilang.Error) string {
	if w.Kind != e.Kind {
		return fmt.Sprintf("its kind is %q, not %q", e.Kind, w.Kind)
	}
	for _, part := range w.Message {
		if !strings.Contains(e.Message, part) {
			return fmt.Sprintf("its message %q does not contain %q", e.Message, part)
		}
	}
	return ""
}

// wantRow is an emitted row.
type wantRow struct {
	anchors []ref
	wants   bool // of a spout: it asks for an outcome
	values  []any
	direct  int // -1: to no task in particular
	ids     bool
}

type wantLog struct {
	level int
	text  string
}

type wantMetric struct {
	name, kind string
	values     []float64
}

// wantExit is how the program is to end: 0, any other code, or either.
type wantExit struct{ zero, failure bool }

// over tells whether what nobody has asked for is of no account: of a program of
// which nothing is known, or because the host is gone.
func (e *expectation) over() bool {
	return e.loose || e.exit != nil && e.exit.zero && e.exit.failure
}

// expectFile is an expectation as it is written.
type expectFile struct {
	Expect struct {
		Covered  string                     `json:"covered"`
		Acked    string                     `json:"acked"`
		Held     string                     `json:"held"`
		Failed   map[string]wantError       `json:"failed"`
		Emitted  map[string]json.RawMessage `json:"emitted"`
		Answered bool                       `json:"answered"`
		Finished bool                       `json:"finished"`
		Errors   []wantError                `json:"errors"`
		Logs     [][]any                    `json:"logs"`
		Metrics  [][]any                    `json:"metrics"`
		Printed  []string                   `json:"printed"`
		Beats    int                        `json:"beats"`
		Exit     string                     `json:"exit"`
		Loose    bool                       `json:"loose"`
	} `json:"expect"`
	Rule   string `json:"rule"`
	Within int    `json:"within_ms"`
}

func (c *compiler) expectation(raw json.RawMessage) (*expectation, error) {
	f := expectFile{Rule: c.t.rule}
	if err := strictly(raw, &f); err != nil {
		return nil, err
	}
	if !isRule(f.Rule) {
		return nil, fmt.Errorf("no rule %q", f.Rule)
	}
	x := &f.Expect
	e := &expectation{rule: f.Rule, within: time.Duration(f.Within) * time.Millisecond, answered: x.Answered, finished: x.Finished,
		errors: x.Errors, printed: x.Printed, beats: x.Beats, outcomes: map[ref]wantOutcome{}, emitted: map[string][]wantRow{}, loose: x.Loose}
	if err := errors.Join(e.setAll(x.Covered, wantOutcome{state: open}), e.setAll(x.Acked, wantOutcome{state: acked}), e.setAll(x.Held, wantOutcome{state: held})); err != nil {
		return nil, err
	}
	for refs, w := range x.Failed {
		if err := e.setAll(refs, wantOutcome{state: failed, err: w}); err != nil {
			return nil, err
		}
	}
	for stream, raw := range x.Emitted {
		rows, err := c.emitted(raw)
		if err != nil {
			return nil, err
		}
		e.emitted[stream] = rows
	}
	return e, e.setRest(x.Exit, x.Logs, x.Metrics)
}

func (e *expectation) setAll(text string, w wantOutcome) error {
	refs, err := parseRefs(text)
	for _, r := range refs {
		e.outcomes[r] = w
	}
	return err
}

func (e *expectation) setRest(exit string, logs, metrics [][]any) error {
	switch exit {
	case "":
	case "0":
		e.exit = &wantExit{zero: true}
	case "error":
		e.exit = &wantExit{failure: true}
	case "any":
		e.exit = &wantExit{zero: true, failure: true}
	default:
		return fmt.Errorf("exit %q: there are 0, error and any", exit)
	}
	for _, l := range logs {
		if len(l) != 2 {
			return fmt.Errorf("log %v is not level and text", l)
		}
		level, err := number(l[0])
		if err != nil {
			return err
		}
		e.logs = append(e.logs, wantLog{int(level), fmt.Sprint(l[1])})
	}
	for _, m := range metrics {
		if len(m) < 3 {
			return fmt.Errorf("metric %v is not name, kind and values", m)
		}
		w := wantMetric{name: fmt.Sprint(m[0]), kind: fmt.Sprint(m[1])}
		for _, x := range m[2:] {
			v, err := number(x)
			if err != nil {
				return err
			}
			w.values = append(w.values, v)
		}
		e.metrics = append(e.metrics, w)
	}
	return nil
}

func number(v any) (float64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, fmt.Errorf("%v is no number", v)
	}
	return n.Float64()
}

// emitted reads the rows of one stream: a list of [anchors, values, {options}],
// or {"from": anchors of one row each, "rows": rows}.
func (c *compiler) emitted(text json.RawMessage) ([]wantRow, error) {
	var list [][]json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		return c.emittedFrom(text)
	}
	var rows []wantRow
	for _, item := range list {
		if len(item) < 2 || len(item) > 3 {
			return nil, fmt.Errorf("%s is not anchors, values and options", item)
		}
		row := wantRow{direct: -1}
		if err := row.setFrom(item[0]); err != nil {
			return nil, err
		}
		var values []any
		if err := strictly(item[1], &values); err != nil {
			return nil, err
		}
		var err error
		if row.values, err = untagAll(values); err != nil {
			return nil, err
		}
		if len(item) == 3 {
			options := struct {
				Direct int  `json:"direct"`
				IDs    bool `json:"ids"`
			}{Direct: -1}
			if err := strictly(item[2], &options); err != nil {
				return nil, err
			}
			row.direct, row.ids = options.Direct, options.IDs
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// setFrom reads where a row comes from: rows, or of a spout's whether it asks for an outcome.
func (w *wantRow) setFrom(raw json.RawMessage) error {
	var refs string
	if err := json.Unmarshal(raw, &refs); err != nil {
		return json.Unmarshal(raw, &w.wants)
	}
	var err error
	w.anchors, err = parseRefs(refs)
	return err
}

func (c *compiler) emittedFrom(text json.RawMessage) ([]wantRow, error) {
	var f struct {
		From json.RawMessage `json:"from"`
		Rows json.RawMessage `json:"rows"`
	}
	if err := strictly(text, &f); err != nil {
		return nil, err
	}
	list, _, err := c.rows(f.Rows, 0)
	if err != nil {
		return nil, err
	}
	var from wantRow
	if err := from.setFrom(f.From); err != nil {
		return nil, err
	}
	if c.t.Kind == "bolt" && len(from.anchors) != len(list) {
		return nil, fmt.Errorf("%d rows from %d rows", len(list), len(from.anchors))
	}
	rows := make([]wantRow, len(list))
	for i, values := range list {
		rows[i] = wantRow{wants: from.wants, values: values, direct: -1}
		if c.t.Kind == "bolt" {
			rows[i].anchors = from.anchors[i : i+1]
		}
	}
	return rows, nil
}
