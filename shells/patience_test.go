package shells

import (
	"testing"
	"time"
)

// outcomes lets a patience meet answers, of which coming says which come in
// time, and returns how many it looked for.
func outcomes(p *patience, answers int, coming func(i int) bool) (looked int) {
	for i := range answers {
		if p.willing() {
			looked++
			p.looked(coming(i))
		}
	}
	return looked
}

func TestPatienceLooksAsLongAsThatPays(t *testing.T) {
	always := func(int) bool { return true }
	never := func(int) bool { return false }
	for name, c := range map[string]struct {
		coming    func(int) bool
		low, high int // of 10,000 answers, after as many of the same kind
	}{
		"all come":                 {always, 10_000, 10_000},
		"none comes":               {never, 5, 15},
		"nineteen of twenty come":  {func(i int) bool { return i%20 != 0 }, 10_000, 10_000},
		"every second comes":       {func(i int) bool { return i%2 == 0 }, 5, 100},
		"none in a stretch of 500": {func(i int) bool { return i%5000 >= 500 }, 7500, 9500},
	} {
		t.Run(name, func(t *testing.T) {
			var p patience
			outcomes(&p, 10_000, c.coming)
			if n := outcomes(&p, 10_000, c.coming); n < c.low || n > c.high {
				t.Errorf("it looked for %d of 10,000 answers, not %d to %d", n, c.low, c.high)
			}
		})
	}
}

func TestPatienceBearsThreeMissesInARow(t *testing.T) {
	for misses, want := range map[int]bool{3: true, 4: false} {
		var p patience
		outcomes(&p, 2*mostCredit, func(int) bool { return true })
		outcomes(&p, misses, func(int) bool { return false })
		if got := p.willing(); got != want {
			t.Errorf("after %d misses it looks: %v", misses, got)
		}
	}
}

func TestPatienceComesBack(t *testing.T) {
	var p patience
	outcomes(&p, 10_000, func(int) bool { return false })
	outcomes(&p, lastRest+mostCredit, func(int) bool { return true })
	if n := outcomes(&p, 100, func(int) bool { return true }); n != 100 {
		t.Errorf("it looked for %d of 100 answers although all come again", n)
	}
}

func TestAnAwaitedAnswerIsReadHoweverLateItComes(t *testing.T) {
	p, err := newPipe(true, false)
	if err != nil {
		t.Fatal(err)
	}
	theirs := p.theirs
	s, err := newSource(p.take(), p.size)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	defer p.closeTheirs()
	for _, late := range []time.Duration{0, lookFor / 2, 20 * lookFor} {
		s.awaited.Store(true)
		time.AfterFunc(late, func() {
			if _, err := writeNow(theirs, []byte("[7]")); err != nil {
				t.Error(err)
			}
		})
		var b [8]byte
		n, err := s.read(b[:])
		if err != nil || string(b[:n]) != "[7]" {
			t.Errorf("%v late: read %q, %v", late, b[:n], err)
		}
	}
}
