package shells

import "time"

// The pace of restarts.
const (
	restartEvery = 250 * time.Millisecond // at most four a second, however good the child is
	backoffFirst = 500 * time.Millisecond // after the second fruitless death in a row; doubles from then on
	backoffMax   = 30 * time.Second
	backoffForgo = 5 * time.Minute // a child that lived so long is not in a crash loop
)

// Restarts decides when a child that died is started again. A child that got
// something done is started again at once; one that dies without completing a single row
// waits longer and longer, and from its second such death on it is in a crash
// loop, whose first error is kept until a row is completed. The zero value is
// ready. It holds no clock; it is not safe for concurrent use.
type Restarts struct {
	Total int    // deaths so far
	Loop  int    // deaths in a row without a row completed; a crash loop from 2 on
	First string // what Died was told at the first of these

	next time.Time // not before
}

// Died records a death and returns when to start the child again. started is when
// it was started, worked whether it completed a row since, why describes the
// death, and jitter is a random number in [0, 1): it spreads the restarts of
// children that died together over half of their wait.
func (r *Restarts) Died(now, started time.Time, worked bool, why string, jitter float64) (at time.Time) {
	r.Total++
	if worked || now.Sub(started) >= backoffForgo {
		r.Loop, r.First = 0, ""
	}
	if !worked {
		if r.Loop == 0 {
			r.First = why
		}
		r.Loop++
	}
	at = now
	if r.Loop > 1 {
		wait := backoffMax
		if shift := r.Loop - 2; shift < 10 { // far beyond the maximum, far from overflow
			wait = min(wait, backoffFirst<<shift)
		}
		at = now.Add(wait - time.Duration(jitter*float64(wait)/2))
	}
	if at.Before(r.next) {
		at = r.next
	}
	r.next = at.Add(restartEvery)
	return at
}

// Worked records that the child has completed rows since it was started: a
// crash loop, if it was in one, is over.
func (r *Restarts) Worked() { r.Loop, r.First = 0, "" }
