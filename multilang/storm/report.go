package storm

import (
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/multilang"
)

// What a child reports that is no tuple: log lines, errors, metrics, and what it prints.

func (a *Adapter) log(level int, text string) {
	a.frame(func(b []byte) []byte { return multilang.AppendLog(b, level, text, "") })
}

// warn says something about the child once.
func (a *Adapter) warn(what, text string) {
	if !a.warned[what] {
		a.warned[what] = true
		a.log(3, text)
	}
}

// print takes what stands on the child's stdout and is no message.
func (a *Adapter) print(text []byte) {
	for _, line := range strings.FieldsFunc(clipped(text), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if strings.TrimSpace(line) != "" {
			a.work.Text = append(a.work.Text, line)
			a.breach(RuleStdout, fmt.Sprintf("it prints %.200q", line))
			a.warn("print", fmt.Sprintf("it prints on stdout, which is the protocol's channel: %.200q; print on stderr, or use the library's log", line))
		}
	}
}

// report tells an error that belongs to no tuple.
func (a *Adapter) report(typ, text string) {
	a.frame(func(b []byte) []byte {
		return multilang.AppendError(b, &multilang.Error{Kind: "exception", Type: typ, Message: text})
	})
}

// reportError tells the error that no failed tuple followed.
func (a *Adapter) reportError() {
	if a.err == "" {
		return
	}
	e := errorOf(a.err)
	a.err = ""
	a.frame(func(b []byte) []byte { return multilang.AppendError(b, &e) })
}

// failure returns why a tuple failed: the error that the child told just
// before, as BasicBolt and pystorm do, or that it asked for it.
func (a *Adapter) failure() *multilang.Error {
	if a.err == "" {
		return &multilang.Error{Kind: "fail"}
	}
	e := errorOf(a.err)
	a.err = ""
	return &e
}

// errorOf makes an error of what a child library reports: a traceback, whose
// last line says what it was.
func errorOf(text string) multilang.Error {
	e := multilang.Error{Kind: "exception", Type: "Error", Traceback: text}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	e.Message = strings.TrimSpace(lines[len(lines)-1])
	if typ, rest, ok := strings.Cut(e.Message, ": "); ok && !strings.ContainsAny(typ, " \t") {
		e.Type, e.Message = typ, rest
	}
	if len(lines) == 1 {
		e.Traceback = ""
	}
	return e
}

// metric takes a reading. Storm asks for a metric to be registered in Java
// first; here its name is enough: nothing and integers count, other numbers are levels.
func (a *Adapter) metric(m *message) {
	x := multilang.Metric{Name: m.metric, Kind: "counter", Values: []float64{1}}
	var v any
	if len(m.params) > 0 {
		v, _, _ = multilang.Decode(m.params)
	}
	switch v := v.(type) {
	case nil:
	case int64:
		x.Values[0] = float64(v)
	case float64:
		x.Kind, x.Values[0] = "gauge", v
	case []any:
		x.Kind, x.Values = "histogram", x.Values[:0]
		for _, item := range v {
			switch item := item.(type) {
			case int64:
				x.Values = append(x.Values, float64(item))
			case float64:
				x.Values = append(x.Values, item)
			}
		}
	default:
		a.warn("metric "+m.metric, fmt.Sprintf("the metric %q is neither a number nor a list of numbers: ignored", m.metric))
		return
	}
	if m.metric == "" {
		a.warn("metric", "a metric without a name: ignored")
		return
	}
	a.frame(func(b []byte) []byte { return multilang.AppendMetrics(b, []multilang.Metric{x}) })
}

// endOfInput tells whether an error is that stdin has ended: that is what ends
// a child of ours, and the libraries report it before they go.
func endOfInput(text string) bool {
	return strings.Contains(text, "EOF") || strings.Contains(text, "end of file")
}
