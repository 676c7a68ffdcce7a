package transport

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait between attempts. It is pure; chance is an argument.
type backoff struct {
	first, longest time.Duration
	failed         int // attempts in a row
}

// next returns the pause before the next attempt: first, doubled for every
// attempt, up to longest; a random 50 to 100 % of that, so that the many who lost
// one peer do not all come back at once. random is from 0 up to 1.
func (b *backoff) next(random float64) time.Duration {
	pause := b.longest
	if b.failed < 30 && b.first<<b.failed < b.longest {
		pause = b.first << b.failed
		b.failed++
	}
	return time.Duration(float64(pause) * (0.5 + random/2))
}

// reset forgets the attempts.
func (b *backoff) reset() { b.failed = 0 }

// random is the chance that next wants.
func random() float64 { return rand.Float64() }
