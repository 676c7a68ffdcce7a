package metrics

import (
	"slices"
	"time"
)

// Amounts are what adds up: counts, and histograms of durations, by their names.
// The zero Amounts are none.
type Amounts struct {
	Counts map[string]int64     `json:"counts,omitempty"`
	Times  map[string]Histogram `json:"times,omitempty"`
}

// Add adds others to them.
func (a *Amounts) Add(o *Amounts) {
	for name, n := range o.Counts {
		if a.Counts == nil {
			a.Counts = map[string]int64{}
		}
		a.Counts[name] += n
	}
	for name, h := range o.Times {
		if a.Times == nil {
			a.Times = map[string]Histogram{}
		}
		sum := a.Times[name]
		sum.Merge(&h)
		a.Times[name] = sum
	}
}

// Since returns what was added since an earlier state of the same amounts. What
// has not changed is left out.
func (a *Amounts) Since(before *Amounts) Amounts {
	var d Amounts
	for name, n := range a.Counts {
		if n -= before.Counts[name]; n != 0 {
			if d.Counts == nil {
				d.Counts = map[string]int64{}
			}
			d.Counts[name] = n
		}
	}
	for name, h := range a.Times {
		was := before.Times[name]
		if h := h.Since(&was); len(h.Counts) > 0 {
			if d.Times == nil {
				d.Times = map[string]Histogram{}
			}
			d.Times[name] = h
		}
	}
	return d
}

// Window is a time that figures look back over. It moves on by slices.
type Window struct {
	Name          string
	Length, Slice time.Duration
}

// Windows are those that Storm shows, of 20 slices each, as there. Beside them
// there is all time.
var Windows = [...]Window{
	{"10m", 10 * time.Minute, 30 * time.Second},
	{"3h", 3 * time.Hour, 9 * time.Minute},
	{"1d", 24 * time.Hour, 72 * time.Minute},
}

// AllTime names what was added since a history began.
const AllTime = "all"

// Point is what was added in one slice of a window. Slices begin at whole
// multiples of their length, so that those of different tasks can be added up.
type Point struct {
	From time.Time `json:"from"`
	Amounts
}

// History adds up amounts, and remembers when. It holds at most 21 points for
// each window. Time does not go back: what is added at an earlier time counts
// as added at the latest one. Make one with NewHistory, or read it from JSON.
type History struct {
	Began  time.Time             `json:"began"`
	Latest time.Time             `json:"latest"`
	All    Amounts               `json:"all"`
	Points [len(Windows)][]Point `json:"points"` // by window, oldest first
}

// NewHistory returns one that begins now.
func NewHistory(now time.Time) *History {
	now = now.UTC().Round(0) // without the monotonic clock, which ends with the process
	return &History{Began: now, Latest: now}
}

// Add adds what has happened since it was called last, or since the history began.
func (h *History) Add(now time.Time, a *Amounts) {
	if now = now.UTC().Round(0); now.After(h.Latest) {
		h.Latest = now
	}
	for i, w := range Windows {
		h.Points[i] = h.recent(i)
		if len(a.Counts) == 0 && len(a.Times) == 0 {
			continue
		}
		from := h.Latest.Truncate(w.Slice)
		if n := len(h.Points[i]); n == 0 || h.Points[i][n-1].From.Before(from) {
			h.Points[i] = append(h.Points[i], Point{From: from})
		}
		h.Points[i][len(h.Points[i])-1].Add(a)
	}
	h.All.Add(a)
}

// Merge adds what another history holds, which began before this one or went on
// beside it.
func (h *History) Merge(o *History) {
	if o.Began.Before(h.Began) {
		h.Began = o.Began
	}
	if o.Latest.After(h.Latest) {
		h.Latest = o.Latest
	}
	h.All.Add(&o.All)
	for i := range Windows {
		for _, p := range o.Points[i] {
			at, found := slices.BinarySearchFunc(h.Points[i], p.From, func(x Point, from time.Time) int { return x.From.Compare(from) })
			if !found {
				h.Points[i] = slices.Insert(h.Points[i], at, Point{From: p.From})
			}
			h.Points[i][at].Add(&p.Amounts)
		}
		h.Points[i] = h.recent(i)
	}
}

// recent returns the points of which some part lies in a window.
func (h *History) recent(window int) []Point {
	w := Windows[window]
	points := h.Points[window]
	first := slices.IndexFunc(points, func(p Point) bool { return p.From.Add(w.Slice).After(h.Latest.Add(-w.Length)) })
	if first < 0 {
		return nil
	}
	return points[first:]
}

// Over returns the points of a window that ends now, and since when they tell
// all: the beginning of the first slice, or of the history, if that is later.
func (h *History) Over(now time.Time, window int) (since time.Time, points []Point) {
	view := *h
	if now = now.UTC().Round(0); now.After(h.Latest) {
		view.Latest = now
	}
	w := Windows[window]
	since = view.Latest.Add(-w.Length).Truncate(w.Slice)
	if h.Began.After(since) {
		since = h.Began
	}
	return since, view.recent(window)
}
