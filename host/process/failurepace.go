package process

import (
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// failurePace says when the errors of a component are written: at once after a
// quiet time, and not more often than once in a while. It is pure.
type failurePace struct {
	every time.Duration // between two writes about a component
	retry time.Duration // after one that did not succeed
	of    map[topology.ComponentID]paced
}

// paced is what has been written of a component.
type paced struct {
	count int64
	next  time.Time // nothing is written before
}

// due returns what is to be written now, and when to look again, zero if only
// when there is news. After a write that is when the next may come: not every
// error is told of.
func (p *failurePace) due(now time.Time, list []cluster.Failures) (due []*cluster.Failures, again time.Time) {
	for i := range list {
		f := &list[i]
		was := p.of[f.Component]
		switch {
		case now.Before(was.next):
			if again.IsZero() || was.next.Before(again) {
				again = was.next
			}
		case f.Count != was.count:
			due = append(due, f)
		}
	}
	return due, again
}

// wrote notes that errors are written, or were there already when at is zero.
func (p *failurePace) wrote(f *cluster.Failures, at time.Time) {
	next := time.Time{}
	if !at.IsZero() {
		next = at.Add(p.every)
	}
	p.of[f.Component] = paced{f.Count, next}
}

// failed notes that errors could not be written.
func (p *failurePace) failed(f *cluster.Failures, at time.Time) {
	p.of[f.Component] = paced{p.of[f.Component].count, at.Add(p.retry)}
}
