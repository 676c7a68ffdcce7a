package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

// status turns snapshots into text; rates are between two of them.
type status struct {
	past []worker.Snapshot // the last few, oldest first
}

// rateOver is how many snapshots back a rate looks, so that it does not jump.
const rateOver = 6

// see takes a new snapshot, and returns the one that rates count from.
func (st *status) see(s worker.Snapshot) worker.Snapshot {
	before := worker.Snapshot{Time: s.Started}
	if len(st.past) > 0 {
		before = st.past[0]
	}
	if st.past = append(st.past, s); len(st.past) > rateOver {
		st.past = st.past[1:]
	}
	return before
}

// perSecond is how fast a count has grown.
func perSecond(from, to int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(to-from) / d.Seconds())
}

// row adds up the tasks of a component.
type row struct {
	id                                                 topology.ComponentID
	spout                                              bool
	tasks, running                                     int
	received, emitted, acked, failed, errors, restarts int64
	waiting, inChild, held, pending                    int
	times                                              metrics.Histogram // see api.Told
	why                                                string
}

func rows(s worker.Snapshot) []*row {
	var list []*row
	byID := map[topology.ComponentID]*row{}
	for _, t := range s.Tasks {
		r := byID[t.Component]
		if r == nil {
			r = &row{id: t.Component, spout: t.Kind == topology.Spout}
			byID[t.Component] = r
			list = append(list, r)
		}
		r.tasks++
		if t.State == worker.Running || t.State == worker.Stopping {
			r.running++
		} else if t.State != worker.Stopped && r.why == "" {
			r.why = strings.TrimSpace(t.State.String() + " " + t.Why)
		}
		r.received += t.Received
		r.emitted += t.Emitted
		r.acked += t.Acked
		r.failed += t.Failed
		r.errors += t.Errors
		r.restarts += t.Restarts
		r.waiting += t.Queued
		r.inChild += t.InChild
		r.held += t.Held
		r.pending += t.Pending
		told := api.Told(t.Times)
		r.times.Merge(&told)
	}
	return list
}

func byID(s worker.Snapshot) map[topology.ComponentID]*row {
	m := map[topology.ComponentID]*row{}
	for _, r := range rows(s) {
		m[r.id] = r
	}
	return m
}

// table is the status on a terminal: a line a component, and one for all.
func (st *status) table(s worker.Snapshot, name topology.Name, stopping bool) [][]span {
	from := st.see(s)
	past := s.Time.Sub(from.Time)
	before := byID(from)
	g := grid{header: []string{"<component", "tasks", "rows/s", "in flight", "failed", "restarts", "p50", "p90", "p99", "<"}}
	for _, r := range rows(s) {
		tasks := span{text: fmt.Sprint(r.tasks)}
		if r.running < r.tasks {
			tasks = span{fmt.Sprintf("%d of %d", r.running, r.tasks), yellow}
		}
		was := cmp.Or(before[r.id], &row{})
		cells := []span{{text: string(r.id)}, tasks, {text: count(perSecond(was.received, r.received, past))}, {text: count(r.flying())},
			alarming(r.failed, yellow), alarming(r.restarts, yellow)}
		lately := r.times.Since(&was.times)
		g.add(append(append(cells, quantiles(&lately)...), span{firstLine(r.why, 120), yellow})...)
	}
	foot := []span{{string(name), bold}, {text: fmt.Sprintf("  %s  acked %s (%s/s)  ", clock(s.Time.Sub(s.Started)), grouped(s.Summary.Acked), count(perSecond(from.Summary.Acked, s.Summary.Acked, past)))},
		{fmt.Sprintf("failed %s", grouped(s.Summary.Failed)), styleOf(s.Summary.Failed, yellow)}, {text: "  "},
		{fmt.Sprintf("dead %s", grouped(s.Summary.Dead)), styleOf(s.Summary.Dead, red)}}
	if stopping {
		foot = append(foot, span{"  stopping", yellow})
	}
	return append(append([][]span{nil}, g.lines()...), foot)
}

// flying is how many rows wait for a component or are in it; of a spout, the
// trees that are not done.
func (r *row) flying() int64 {
	if r.spout {
		return int64(r.pending)
	}
	return int64(r.waiting + r.inChild + r.held)
}

// quantiles shows the median of times, and what a tenth and a hundredth of them exceed.
func quantiles(h *metrics.Histogram) (cells []span) {
	for _, q := range []float64{0.5, 0.9, 0.99} {
		cells = append(cells, span{text: latency(h.Quantile(q))})
	}
	return cells
}

// alarming shows a count in a style of its own unless it is 0.
func alarming(n int64, s style) span { return span{count(n), styleOf(n, s)} }

func styleOf(n int64, s style) style {
	if n == 0 {
		return plain
	}
	return s
}

// line is the status where there is no terminal.
func (st *status) line(s worker.Snapshot) string {
	from := st.see(s)
	var b strings.Builder
	fmt.Fprintf(&b, "polybolt: %s: acked %d (%d/s) failed %d dead %d", s.Time.Sub(s.Started).Round(time.Second), s.Summary.Acked,
		perSecond(from.Summary.Acked, s.Summary.Acked, s.Time.Sub(from.Time)), s.Summary.Failed, s.Summary.Dead)
	before := byID(from)
	for _, r := range rows(s) {
		if r.spout {
			fmt.Fprintf(&b, "; %s in flight %d", r.id, r.pending)
		}
		if lately := r.times.Since(&cmp.Or(before[r.id], &row{}).times); r.spout && lately.Count() > 0 {
			fmt.Fprintf(&b, ", p50 %s, p99 %s", latency(lately.Quantile(0.5)), latency(lately.Quantile(0.99)))
		}
		if r.why != "" {
			fmt.Fprintf(&b, "; %s %s", r.id, firstLine(r.why, 200))
		}
	}
	return b.String()
}

// summaryJSON is the end of a run for programs: all figures.
func summaryJSON(out io.Writer, s worker.Snapshot) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

// summary is what stands at the end: a table, and the last line that scripts read.
func summary(to io.Writer, s worker.Snapshot, deadFile string) error {
	out := bufio.NewWriter(to)
	g := grid{header: []string{"<component", "tasks", "received", "emitted", "acked", "failed", "errors", "restarts", "p50", "p90", "p99"}}
	for _, r := range rows(s) {
		received := fmt.Sprint(r.received)
		if r.spout {
			received = ""
		}
		cells := []span{{text: string(r.id)}, {text: fmt.Sprint(r.tasks)}, {text: received}}
		for _, n := range []int64{r.emitted, r.acked, r.failed, r.errors, r.restarts} {
			cells = append(cells, span{text: fmt.Sprint(n)})
		}
		g.add(append(cells, quantiles(&r.times)...)...)
	}
	for _, line := range g.lines() {
		fmt.Fprintln(out, paint(line, math.MaxInt, false))
	}
	var causes []string
	for cause, n := range s.ByCause {
		causes = append(causes, fmt.Sprintf("%s %d", cause, n))
	}
	slices.Sort(causes)
	if len(causes) > 0 {
		fmt.Fprintln(out, "failed attempts by cause:", strings.Join(causes, ", "))
	}
	givenUp(out, s.GivenUp)
	if s.Summary.Dead > 0 {
		fmt.Fprintln(out, "tuples that were given up are in", deadFile)
	}
	if s.Summary.Abandoned > 0 {
		fmt.Fprintf(out, "%d tuples were in flight and are not done\n", s.Summary.Abandoned)
	}
	fmt.Fprintf(out, "acked %d failed %d dead %d\n", s.Summary.Acked, s.Summary.Failed, s.Summary.Dead)
	return out.Flush() // the first error of all that was written
}

// givenUp says what of a run that was to end did not get done.
func givenUp(out io.Writer, g *worker.GivenUp) {
	if g == nil {
		return
	}
	what := fmt.Sprintf("%d tuples in flight were given up", g.Tuples)
	switch g.Tuples {
	case 0: // with acking off nobody knows of tuples
		what = fmt.Sprintf("%d rows in flight were dropped", g.Rows)
	case 1:
		what = "1 tuple in flight was given up"
	}
	fmt.Fprintf(out, "%s, for nothing got done for %s:\n", what, g.After)
	for _, h := range g.Where {
		fmt.Fprintf(out, "  %s\n", h)
	}
}

// count writes a number in at most five characters.
func count(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	case n < 100_000_000:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%dM", n/1_000_000)
}

// grouped writes a number with a comma between thousands.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clock writes for how long something has gone on.
func clock(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

func latency(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.1fµs", float64(d.Nanoseconds())/1000)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2fms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}

func firstLine(s string, limit int) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}
