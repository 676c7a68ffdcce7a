package stream

import "time"

// The frames of a child hold about frameTime of its work, so that one slow row
// does not keep thousands waiting, and at most maxRows and
// [multilang.TargetFrame] bytes: measured, more rows a frame gain nothing.
const (
	frameTime = 5 * time.Millisecond
	maxRows   = 4000
)

// Pace learns how long a child takes for a row and says how many rows its next
// frame may hold. The zero Pace knows nothing yet.
type Pace struct {
	perRow float64 // nanoseconds, smoothed
	last   time.Time
}

// Observe tells that n rows were answered at now, of a frame that was sent at sent.
func (p *Pace) Observe(n int, sent, now time.Time) {
	from := sent
	if p.last.After(from) {
		from = p.last // the child was busy with the frame before
	}
	p.last = now
	if n == 0 {
		return
	}
	d := max(float64(now.Sub(from))/float64(n), 1)
	switch {
	case p.perRow == 0:
		p.perRow = d
	case d < p.perRow: // a fuller frame shows the cost of a row better: believe it soon
		p.perRow += (d - p.perRow) / 2
	default:
		p.perRow += (d - p.perRow) / 8
	}
}

// Forget returns to the beginning: another child, another pace.
func (p *Pace) Forget() { *p = Pace{} }

// Rows returns how many rows the next frame may hold, at least one.
func (p *Pace) Rows() int {
	if p.perRow == 0 {
		return 1
	}
	return min(max(int(float64(frameTime)/p.perRow), 1), maxRows)
}

// Slow tells whether a row takes so long that a second frame in the child
// would only keep its rows from other tasks.
func (p *Pace) Slow() bool { return p.perRow > float64(frameTime)/2 }

// PerRow returns the smoothed time of a row, 0 if it is not known yet.
func (p *Pace) PerRow() time.Duration { return time.Duration(p.perRow) }
