package shells

import (
	"fmt"
	"time"
)

// What may be logged of what one child prints: a burst that no honest report
// exceeds (a megabyte of warnings at the start is real life), and then a rate
// that disks and readers bear.
const (
	floodLines    = 20_000
	floodBytes    = 4 << 20
	floodLineRate = 1000    // per second
	floodByteRate = 1 << 20 // per second
)

// flood decides which lines are logged. It is a token bucket for lines and one for
// bytes; once either is empty it stays shut until a second's worth is there,
// so that a steady flood shows as blocks of lines with a count between them,
// not as every twentieth line. The zero value is a full bucket.
type flood struct {
	lines, bytes int // spent of the burst
	last         time.Time
	missed       int // lines refused since the last one that passed
}

// admit tells whether a line of that size may pass now, and, if it is the
// first after a gap, how many were refused in the gap.
func (f *flood) admit(now time.Time, size int) (ok bool, missed int) {
	const step = time.Second / floodLineRate
	if steps := int(min(now.Sub(f.last), time.Hour) / step); steps > 0 {
		f.lines = max(0, f.lines-steps)
		f.bytes = max(0, f.bytes-steps*(floodByteRate/floodLineRate))
		f.last = now.Add(-now.Sub(f.last) % step) // fractions count the next time
	}
	limitLines, limitBytes := floodLines, floodBytes
	if f.missed > 0 {
		limitLines -= floodLineRate
		limitBytes -= floodByteRate
	}
	if f.lines >= limitLines || f.bytes+size > limitBytes {
		f.missed++
		return false, 0
	}
	f.lines++
	f.bytes += size
	return true, f.take()
}

// take returns how many lines were refused and not yet told of.
func (f *flood) take() int {
	n := f.missed
	f.missed = 0
	return n
}

// Gate passes the lines on that a child prints, unless there are too many: of
// those it tells the number.
type Gate struct {
	log   func(line []byte)
	flood flood
}

// NewGate returns a gate to log, which must not keep the line.
func NewGate(log func(line []byte)) *Gate { return &Gate{log: log} }

// Line takes a line.
func (g *Gate) Line(line []byte) {
	if ok, missed := g.flood.admit(time.Now(), len(line)); ok {
		g.tell(missed)
		g.log(line)
	}
}

// Tell tells how many lines were suppressed since the last one that passed.
func (g *Gate) Tell() { g.tell(g.flood.take()) }

func (g *Gate) tell(missed int) {
	if missed > 0 {
		g.log(fmt.Appendf(nil, "[%d lines suppressed: more than %d a second]", missed, floodLineRate))
	}
}
