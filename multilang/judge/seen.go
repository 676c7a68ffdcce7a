package judge

import (
	"cmp"
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

// seen is what has come from the program and no step has expected so far. It is
// compared with one expectation at a time, after every message, so that looks
// only at what is new.
type seen struct {
	expects *expectation        // nil between steps that wait
	fresh   []ref               // outcomes that were not compared yet
	lacking map[ref]wantOutcome // of the expectation
	fit     map[string]int      // by stream: so many rows are as expected

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

// set notes what became of a row.
func (s *seen) set(r ref, o outcome) {
	s.outcomes[r] = o
	s.fresh = append(s.fresh, r)
}

// begin compares with an expectation from now on.
func (s *seen) begin(e *expectation) {
	s.expects = e
	s.fresh = sortedRefs(slices.Collect(maps.Keys(s.outcomes)))
	s.lacking = maps.Clone(e.outcomes)
	s.fit = map[string]int{}
}

// wrong says what contradicts the expectation, else nothing.
func (s *seen) wrong() string {
	return cmp.Or(s.wrongOutcome(), s.wrongRow(), s.wrongError(), s.wrongEnd())
}

// complete tells whether all has come. It is asked after every message.
func (s *seen) complete() bool { return len(s.lacking) == 0 && s.missing() == "" }

// missing says what has not come, else nothing.
func (s *seen) missing() string {
	return cmp.Or(s.missingOutcome(), s.missingRow(), s.missingError(), s.missingWords(), s.missingEnd())
}

// claim forgets what the expectation has named, which is over.
func (s *seen) claim() {
	e := s.expects
	s.expects = nil
	for r := range e.outcomes {
		delete(s.outcomes, r)
	}
	for stream, rows := range e.emitted {
		s.emitted[stream] = s.emitted[stream][len(rows):]
	}
	if e.loose {
		s.outcomes, s.emitted = map[ref]outcome{}, map[string][]emission{}
	}
	s.errors, s.beats = nil, 0
	s.finished = s.finished && e.loose
	if len(e.logs) > 0 {
		s.logs = nil
	}
	for _, m := range e.metrics {
		delete(s.metrics, m.name)
	}
}

func (s *seen) wrongOutcome() string {
	for _, r := range s.fresh {
		got := s.outcomes[r]
		want, ok := s.expects.outcomes[r]
		switch {
		case ok && (want.state == open || got.state == want.state):
			if why := want.err.mismatch(&got.err); want.state == failed && why != "" {
				return fmt.Sprintf("row %s failed, but %s", r, why)
			}
			delete(s.lacking, r)
		case got.state == held: // it may be held for a while whatever comes in the end
		case !ok && s.expects.over(): // it was in progress
		case !ok:
			return fmt.Sprintf("row %s was %s, which nothing asked for%s", r, got.state, because(&got.err))
		default:
			return fmt.Sprintf("row %s was %s, not %s%s", r, got.state, want.state, because(&got.err))
		}
	}
	s.fresh = s.fresh[:0]
	return ""
}

func (s *seen) missingOutcome() string {
	for _, st := range []state{open, held, acked, failed} {
		var refs []ref
		for r, want := range s.lacking {
			if want.state == st {
				refs = append(refs, r)
			}
		}
		if len(refs) > 0 {
			what := st.String()
			if st == open {
				what = "covered"
			}
			return "row " + showRefs(refs) + " was not " + what
		}
	}
	return ""
}

func because(e *multilang.Error) string {
	if e.Message == "" && e.Type == "" {
		return ""
	}
	return fmt.Sprintf(" (%s: %s)", e.Type, e.Message)
}

func (s *seen) wrongRow() string {
	for stream, got := range s.emitted {
		want := s.expects.emitted[stream]
		for i := s.fit[stream]; i < len(got); i++ {
			if i >= len(want) {
				if s.expects.over() {
					break
				}
				return fmt.Sprintf("it emitted %s on stream %s, which nothing asked for", got[i].String(), stream)
			}
			if why := want[i].mismatch(&got[i]); why != "" {
				return fmt.Sprintf("row %d that it emitted on stream %s, %s, %s", i, stream, got[i].String(), why)
			}
			s.fit[stream] = i + 1
		}
	}
	return ""
}

func (s *seen) missingRow() string {
	for stream, want := range s.expects.emitted {
		if n := len(s.emitted[stream]); n < len(want) {
			return fmt.Sprintf("%d of %d rows came on stream %s; the next is %s", n, len(want), stream, show(want[n].values))
		}
	}
	return ""
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

func (s *seen) wrongError() string {
	e := s.expects
	if e.loose || e.exit != nil && e.exit.failure {
		return "" // it may say why
	}
	for i := range s.errors {
		if i >= len(e.errors) {
			return "it reports an error" + because(&s.errors[i]) + ": " + s.errors[i].Traceback
		}
		if why := e.errors[i].mismatch(&s.errors[i]); why != "" {
			return "it reports an error, but " + why
		}
	}
	return ""
}

func (s *seen) missingError() string {
	if n := len(s.errors); n < len(s.expects.errors) {
		return "it reported no error: there was to be " + s.expects.errors[n].String()
	}
	return ""
}

// missingWords looks at what may be said at any time: more than is named does no harm.
func (s *seen) missingWords() string {
	e, logs := s.expects, s.logs
	for _, want := range e.logs {
		i := slices.IndexFunc(logs, func(l logLine) bool { return l.level == want.level && strings.Contains(l.text, want.text) })
		if i < 0 {
			return fmt.Sprintf("no line of level %d with %q was logged", want.level, want.text)
		}
		logs = logs[i+1:]
	}
	for _, text := range e.printed {
		if !strings.Contains(string(s.printed), text) {
			return fmt.Sprintf("%q, which it prints, did not come: neither on stderr nor as log lines", text)
		}
	}
	for _, want := range e.metrics {
		got := s.metrics[want.name]
		if got.kind != want.kind || !slices.Equal(got.values, want.values) {
			return fmt.Sprintf("metric %s is %s %v, not %s %v", want.name, got.kind, got.values, want.kind, want.values)
		}
	}
	if s.beats < e.beats && !s.beatless {
		return fmt.Sprintf("%d of %d beats came", s.beats, e.beats)
	}
	return ""
}

func (s *seen) wrongEnd() string {
	e := s.expects
	switch {
	case s.exit != nil && e.exit == nil:
		return "the program ended: " + s.exit.how
	case s.exit != nil && !(e.exit.zero && s.exit.code == 0 || e.exit.failure && s.exit.code != 0):
		return "the program ended in another way than it should: " + s.exit.how
	case s.finished && !e.finished && !e.loose:
		return "it says that there will be no more rows, which nothing asked for"
	}
	return ""
}

func (s *seen) missingEnd() string {
	e := s.expects
	switch {
	case e.answered && len(s.asking) > 0:
		return fmt.Sprintf("request %d for rows was not answered to its end", s.asking[0])
	case e.finished && !s.finished:
		return "it did not say that there will be no more rows"
	case e.exit != nil && s.exit == nil:
		return "the program did not end"
	}
	return ""
}
