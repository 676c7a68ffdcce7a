package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

// status turns snapshots into text; rates are between two of them.
type status struct {
	last  worker.Snapshot
	shown []string
}

// row adds up the tasks of a component.
type row struct {
	id                                                 topology.ComponentID
	spout                                              bool
	tasks, running                                     int
	received, emitted, acked, failed, errors, restarts int64
	waiting, inChild, held, pending                    int
	p50, p99                                           time.Duration
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
		r.p50, r.p99 = max(r.p50, t.P50), max(r.p99, t.P99)
	}
	return list
}

// table is the status on a terminal, a line a component.
func (st *status) table(s worker.Snapshot) []string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.AppendHeader(table.Row{"", "tasks", "rows/s", "waiting", "in child", "failed", "restarts", "p50", "p99", ""})
	before := rows(st.last)
	for i, r := range rows(s) {
		rate := int64(0)
		if d := s.Time.Sub(st.last.Time).Seconds(); i < len(before) && d > 0 {
			rate = int64(float64(r.received-before[i].received) / d)
		}
		cells := table.Row{r.id, fmt.Sprintf("%d/%d", r.running, r.tasks), count(rate), count(int64(r.waiting)), count(int64(r.inChild)), count(r.failed), count(r.restarts), "", "", firstLine(r.why, 60)}
		if r.spout {
			cells[3], cells[4] = "", count(int64(r.pending))
			cells[7], cells[8] = latency(r.p50), latency(r.p99)
		}
		t.AppendRow(cells)
	}
	st.last = s
	st.shown = append([]string{fmt.Sprintf("── %s  acked %s  failed %s  dead %s", s.Time.Sub(s.Started).Round(time.Second), count(s.Summary.Acked), count(s.Summary.Failed), count(s.Summary.Dead))},
		strings.Split(t.Render(), "\n")...)
	return st.shown
}

// line is the status where there is no terminal.
func (st *status) line(s worker.Snapshot) string {
	var b strings.Builder
	rate := int64(0)
	if d := s.Time.Sub(st.last.Time).Seconds(); !st.last.Time.IsZero() && d > 0 {
		rate = int64(float64(s.Summary.Acked-st.last.Summary.Acked) / d)
	} else if d := s.Time.Sub(s.Started).Seconds(); d > 0 {
		rate = int64(float64(s.Summary.Acked) / d)
	}
	fmt.Fprintf(&b, "polybolt: %s: acked %d (%d/s) failed %d dead %d", s.Time.Sub(s.Started).Round(time.Second), s.Summary.Acked, rate, s.Summary.Failed, s.Summary.Dead)
	for _, r := range rows(s) {
		if r.spout {
			fmt.Fprintf(&b, "; %s in flight %d, p50 %s, p99 %s", r.id, r.pending, latency(r.p50), latency(r.p99))
		}
		if r.why != "" {
			fmt.Fprintf(&b, "; %s %s", r.id, firstLine(r.why, 200))
		}
	}
	st.last = s
	return b.String()
}

// summaryJSON is the end of a run for programs: all figures.
func summaryJSON(out io.Writer, s worker.Snapshot) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

// summary is what stands at the end: a table, and the last line that scripts read.
func summary(out io.Writer, s worker.Snapshot, deadFile string) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.AppendHeader(table.Row{"component", "tasks", "received", "emitted", "acked", "failed", "errors", "restarts", "p50", "p99"})
	for _, r := range rows(s) {
		cells := table.Row{r.id, r.tasks, r.received, r.emitted, r.acked, r.failed, r.errors, r.restarts, "", ""}
		if r.spout {
			cells[2], cells[8], cells[9] = "", latency(r.p50), latency(r.p99)
		}
		t.AppendRow(cells)
	}
	fmt.Fprintln(out, t.Render())
	var causes []string
	for cause, n := range s.ByCause {
		causes = append(causes, fmt.Sprintf("%s %d", cause, n))
	}
	slices.Sort(causes)
	if len(causes) > 0 {
		fmt.Fprintln(out, "failed attempts by cause:", strings.Join(causes, ", "))
	}
	if s.Summary.Dead > 0 {
		fmt.Fprintln(out, "tuples that were given up are in", deadFile)
	}
	if s.Summary.Abandoned > 0 {
		fmt.Fprintf(out, "%d tuples were in flight and are not done\n", s.Summary.Abandoned)
	}
	fmt.Fprintf(out, "acked %d failed %d dead %d\n", s.Summary.Acked, s.Summary.Failed, s.Summary.Dead)
}

// count writes a number in at most five characters.
func count(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprintf("%.1fM", float64(n)/1e6)
}

func latency(d time.Duration) string {
	switch {
	case d == 0:
		return ""
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
