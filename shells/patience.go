package shells

import (
	"syscall"
	"time"
)

// A child that waits for our answer says its next word some 40 µs after it. To
// sleep for so long costs more than the words: each side then wakes the other
// by an interrupt between processors. So the reader looks again and again, and
// gives the processor away in between, which is then the child's: the two take
// turns on one, at the price of a switch.
const (
	// lookFor is for how long a reader looks before it sleeps after all.
	lookFor = 100 * time.Microsecond

	// lostAfter is when a reader that gave the processor away has lost it to
	// somebody who computes. It had better slept.
	lostAfter = 5 * lookFor

	// missCost is what looking in vain costs, in times of what an answer that was met saves.
	missCost = 8
	// mostCredit is what can be saved up: three misses in a row are borne, and the fourth ends the looking.
	mostCredit = 3 * missCost
	// firstRest and lastRest are for how many answers nobody looks after that:
	// at first, and if it never paid in between.
	firstRest, lastRest = 64, 1024
)

// patience says whether looking pays, by how it went before. The zero value is ready.
type patience struct {
	credit int // by which looking is worth it
	rest   int // answers for which nobody looks
	rested int // the last rest; 0: there was none since looking paid
}

// willing tells whether to look for the next answer.
func (p *patience) willing() bool {
	if p.rest > 0 {
		p.rest--
		return false
	}
	return true
}

// looked takes how looking went.
func (p *patience) looked(paid bool) {
	if paid {
		if p.credit++; p.credit >= mostCredit {
			p.credit, p.rested = mostCredit, 0
		}
		return
	}
	if p.credit -= missCost; p.credit < 0 {
		p.rested = min(max(2*p.rested, firstRest), lastRest)
		p.credit, p.rest = 0, p.rested
	}
}

// read is readNow, but looks for a while before it says EAGAIN.
func (p *patience) read(fd int, b []byte) (n int, err error) {
	if n, err = readNow(fd, b); err != syscall.EAGAIN || !p.willing() {
		return n, err
	}
	started, took := time.Now(), time.Duration(0)
	for err == syscall.EAGAIN && took < lookFor {
		yield()
		n, err = readNow(fd, b)
		took = time.Since(started)
	}
	p.looked(err != syscall.EAGAIN && took < lostAfter)
	return n, err
}
