package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/polybolt/polybolt/multilang"
)

// state is what is known of an input row.
type state uint8

const (
	open   state = iota // not covered yet
	held                // covered, to be acked later
	acked               //
	failed              //
)

func (s state) String() string { return [...]string{"open", "held", "acked", "failed"}[s] }

// over tells whether a row has had its outcome.
func (s state) over() bool { return s == acked || s == failed }

// outcome is what became of a row.
type outcome struct {
	state state
	err   multilang.Error
}

// emission is a row that the program emitted.
type emission struct {
	anchors []ref
	wants   bool
	values  []any
	direct  int
	ids     bool
}

type logLine struct {
	level int
	text  string
}

type exit struct {
	code int
	how  string
}

// seen is what has come from the program and no step has expected so far.
type seen struct {
	outcomes map[ref]outcome
	emitted  map[string][]emission
	asking   []uint32 // requests for rows that are not answered, oldest first
	finished bool
	errors   []multilang.Error
	logs     []logLine
	metrics  map[string]wantMetric
	printed  []byte // all of it: stdout before the magic, stderr, logs
	beats    int
	beatless bool // it has no feature beat
	exit     *exit
}

// check compares with an expectation: what is wrong, else what is still
// missing, else nothing.
func (s *seen) check(e *expectation) (wrong, missing string) {
	for _, part := range []func(*expectation) (wrong, missing string){s.checkOutcomes, s.checkEmitted, s.checkErrors, s.checkSaid, s.checkEnd} {
		w, m := part(e)
		if w != "" {
			return w, ""
		}
		if missing == "" {
			missing = m
		}
	}
	return "", missing
}

// claim forgets what an expectation has named.
func (s *seen) claim(e *expectation) {
	for r := range e.outcomes {
		delete(s.outcomes, r)
	}
	for stream, rows := range e.emitted {
		s.emitted[stream] = s.emitted[stream][len(rows):]
	}
	s.errors, s.beats, s.finished = nil, 0, false
	if len(e.logs) > 0 {
		s.logs = nil
	}
	for _, m := range e.metrics {
		delete(s.metrics, m.name)
	}
}

func (s *seen) checkOutcomes(e *expectation) (wrong, missing string) {
	for _, r := range sortedRefs(slices.Collect(maps.Keys(s.outcomes))) {
		got := s.outcomes[r]
		want, ok := e.outcomes[r]
		switch {
		case got.state == held: // it may be held for a while whatever comes in the end
		case !ok:
			return fmt.Sprintf("row %s was %s, which nothing asked for%s", r, got.state, because(&got.err)), ""
		case want.state != got.state:
			return fmt.Sprintf("row %s was %s, not %s%s", r, got.state, want.state, because(&got.err)), ""
		case got.state == failed:
			if why := want.err.mismatch(&got.err); why != "" {
				return fmt.Sprintf("row %s failed, but %s", r, why), ""
			}
		}
	}
	lacking := map[state][]ref{}
	for r, want := range e.outcomes {
		if got, ok := s.outcomes[r]; !ok || got.state != want.state {
			lacking[want.state] = append(lacking[want.state], r)
		}
	}
	for _, st := range []state{held, acked, failed} {
		if len(lacking[st]) > 0 {
			return "", fmt.Sprintf("row %s was not %s", showRefs(lacking[st]), st)
		}
	}
	return "", ""
}

func because(e *multilang.Error) string {
	if e.Message == "" && e.Type == "" {
		return ""
	}
	return fmt.Sprintf(" (%s: %s)", e.Type, e.Message)
}

func (s *seen) checkEmitted(e *expectation) (wrong, missing string) {
	for stream, got := range s.emitted {
		want := e.emitted[stream]
		for i := range got {
			if i >= len(want) {
				return fmt.Sprintf("it emitted %s on stream %s, which nothing asked for", got[i].String(), stream), ""
			}
			if why := want[i].mismatch(&got[i]); why != "" {
				return fmt.Sprintf("row %d that it emitted on stream %s, %s, %s", i, stream, got[i].String(), why), ""
			}
		}
	}
	for stream, want := range e.emitted {
		if n := len(s.emitted[stream]); n < len(want) {
			return "", fmt.Sprintf("%d of %d rows came on stream %s; the next is %s", n, len(want), stream, show(want[n].values))
		}
	}
	return "", ""
}

func (e *emission) String() string {
	text := show(e.values)
	if len(e.anchors) > 0 {
		text += " anchored to " + showRefs(e.anchors)
	}
	if e.wants {
		text += " with an id"
	}
	if e.direct >= 0 {
		text += fmt.Sprintf(" to task %d", e.direct)
	}
	return text
}

// mismatch says what is wrong with an emitted row.
func (w *wantRow) mismatch(got *emission) string {
	switch {
	case !equalRows(w.values, got.values):
		return "is not " + show(w.values)
	case !slices.Equal(sortedRefs(w.anchors), sortedRefs(got.anchors)):
		if len(w.anchors) == 0 {
			return "is to have no anchor"
		}
		return "is to be anchored to " + showRefs(w.anchors)
	case w.wants != got.wants:
		return fmt.Sprintf("is to ask for an outcome: %v", w.wants)
	case w.direct != got.direct:
		return fmt.Sprintf("is to go to task %d (-1: to none in particular)", w.direct)
	case w.ids != got.ids:
		return fmt.Sprintf("is to ask for task ids: %v", w.ids)
	}
	return ""
}

func (s *seen) checkErrors(e *expectation) (wrong, missing string) {
	if e.exit != nil && e.exit.failure {
		return "", "" // it may say why
	}
	for i := range s.errors {
		if i >= len(e.errors) {
			return "it reports an error" + because(&s.errors[i]) + ": " + s.errors[i].Traceback, ""
		}
		if why := e.errors[i].mismatch(&s.errors[i]); why != "" {
			return "it reports an error, but " + why, ""
		}
	}
	if n := len(s.errors); n < len(e.errors) {
		return "", "it reported no error: there was to be " + e.errors[n].String()
	}
	return "", ""
}

// checkSaid looks at what may be said at any time: more than is named does no harm.
func (s *seen) checkSaid(e *expectation) (wrong, missing string) {
	logs := s.logs
	for _, want := range e.logs {
		i := slices.IndexFunc(logs, func(l logLine) bool { return l.level == want.level && strings.Contains(l.text, want.text) })
		if i < 0 {
			return "", fmt.Sprintf("no line of level %d with %q was logged", want.level, want.text)
		}
		logs = logs[i+1:]
	}
	for _, text := range e.printed {
		if !strings.Contains(string(s.printed), text) {
			return "", fmt.Sprintf("%q, which it prints, did not come: neither on stderr nor as log lines", text)
		}
	}
	for _, want := range e.metrics {
		got := s.metrics[want.name]
		if got.kind != want.kind || !slices.Equal(got.values, want.values) {
			return "", fmt.Sprintf("metric %s is %s %v, not %s %v", want.name, got.kind, got.values, want.kind, want.values)
		}
	}
	if s.beats < e.beats && !s.beatless {
		return "", fmt.Sprintf("%d of %d beats came", s.beats, e.beats)
	}
	return "", ""
}

func (s *seen) checkEnd(e *expectation) (wrong, missing string) {
	switch {
	case s.exit != nil && e.exit == nil:
		return "the program ended: " + s.exit.how, ""
	case s.exit != nil && !(e.exit.zero && s.exit.code == 0 || e.exit.failure && s.exit.code != 0):
		return "the program ended in another way than it should: " + s.exit.how, ""
	case s.finished && !e.finished:
		return "it says that there will be no more rows, which nothing asked for", ""
	case e.answered && len(s.asking) > 0:
		return "", fmt.Sprintf("request %d for rows was not answered to its end", s.asking[0])
	case e.finished && !s.finished:
		return "", "it did not say that there will be no more rows"
	case e.exit != nil && s.exit == nil:
		return "", "the program did not end"
	}
	return "", ""
}
