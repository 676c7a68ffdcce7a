package shells

import (
	"os"
	"time"
)

// clockTick is the unit of CPU time in /proc: USER_HZ is 100 on every Linux that Go
// runs on.
const clockTick = 10 * time.Millisecond

func sample(pid int) (Sample, error) {
	root, err := readStat(pid)
	if err != nil {
		return Sample{}, err
	}
	s := Sample{State: root.state}
	add := func(p procStat) {
		s.CPU += time.Duration(p.ticks) * clockTick
		s.RSS += p.pages * int64(os.Getpagesize())
		s.Processes++
	}
	add(root)
	for _, kid := range offspring(pid) {
		if p, err := readStat(kid); err == nil { // else it is gone
			add(p)
		}
	}
	return s, nil
}
