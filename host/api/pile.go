package api

import (
	"cmp"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
)

// pile adds up histories.
type pile struct {
	now     time.Time
	window  int // whose points are wanted, −1: none
	began   time.Time
	since   [len(metrics.Windows)]time.Time
	windows [len(metrics.Windows)]metrics.Amounts
	all     metrics.Amounts
	points  map[time.Time]*metrics.Amounts
}

func newPile(now time.Time, window int) *pile {
	return &pile{now: now, window: window, points: map[time.Time]*metrics.Amounts{}}
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// add adds a history, or the part of it that pick leaves.
func (p *pile) add(h *metrics.History, pick func(*metrics.Amounts) *metrics.Amounts) {
	p.began = earlier(p.began, h.Began)
	p.all.Add(pick(&h.All))
	for i := range metrics.Windows {
		since, points := h.Over(p.now, i)
		p.since[i] = earlier(p.since[i], since)
		for k := range points {
			a := pick(&points[k].Amounts)
			p.windows[i].Add(a)
			if i == p.window {
				at := points[k].From.UTC()
				if p.points[at] == nil {
					p.points[at] = &metrics.Amounts{}
				}
				p.points[at].Add(a)
			}
		}
	}
}

// over returns the windows, shortest first.
func (p *pile) over() []Over {
	list := []Over{}
	for i, w := range metrics.Windows {
		list = append(list, Over{w.Name, p.since[i], sumsOf(&p.windows[i])})
	}
	return append(list, Over{metrics.AllTime, p.began, sumsOf(&p.all)})
}

// line returns the points without a gap.
func (p *pile) line() []Point {
	list := []Point{}
	if p.window < 0 || p.began.IsZero() {
		return list
	}
	slice, since := metrics.Windows[p.window].Slice, p.since[p.window]
	if oldest := p.now.Add(-metrics.Windows[p.window].Length - slice); since.Before(oldest) {
		since = oldest // a clock that is far behind ours is not followed into the past
	}
	for from := since.Truncate(slice).UTC(); from.Before(p.now); from = from.Add(slice) {
		begin := from
		if since.After(begin) {
			begin = since
		}
		a := p.points[from]
		if a == nil {
			a = &metrics.Amounts{}
		}
		list = append(list, Point{from, earlier(from.Add(slice), p.now).Sub(begin).Seconds(), sumsOf(a)})
	}
	return list
}

// sumsOf takes amounts apart. Counts of failed attempts have the name /CAUSE.
func sumsOf(a *metrics.Amounts) Sums {
	s := Sums{Counts: map[string]int64{}, Failed: map[string]int64{}, Latency: map[string]Latency{}}
	for name, n := range a.Counts {
		if cause, failed := strings.CutPrefix(name, "/"); failed {
			s.Failed[cause] = n
		} else {
			s.Counts[name] = n
		}
	}
	for stage, h := range a.Times {
		s.Latency[stage] = LatencyOf(&h)
	}
	return s
}

// everything is all of a task's amounts.
func everything(a *metrics.Amounts) *metrics.Amounts { return a }

// treesOnly leaves of a spout's amounts what belongs to the topology.
func treesOnly(a *metrics.Amounts) *metrics.Amounts {
	h, any := a.Times["tree"]
	if !any {
		return &metrics.Amounts{}
	}
	return &metrics.Amounts{Times: map[string]metrics.Histogram{"tree": h}}
}

// failedAt leaves of a worker's amounts the attempts that failed at a component.
func failedAt(component topology.ComponentID) func(*metrics.Amounts) *metrics.Amounts {
	return func(a *metrics.Amounts) *metrics.Amounts {
		b := &metrics.Amounts{Counts: map[string]int64{}}
		for name, n := range a.Counts {
			if at, cause, found := strings.Cut(name, "/"); found && at == string(component) {
				b.Counts["/"+cause] += n
			}
		}
		return b
	}
}

// failedAnywhere is failedAt for all components together, and what else a worker counts.
func failedAnywhere(a *metrics.Amounts) *metrics.Amounts {
	b := &metrics.Amounts{Counts: map[string]int64{}}
	for name, n := range a.Counts {
		if _, cause, found := strings.Cut(name, "/"); found {
			name = "/" + cause
		}
		b.Counts[name] += n
	}
	return b
}

func (a PartHistory) compare(b PartHistory) int {
	return cmp.Or(cmp.Compare(a.Component, b.Component), cmp.Compare(a.Task, b.Task), cmp.Compare(a.Place, b.Place))
}
