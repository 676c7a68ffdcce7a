package transport

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	b := backoff{first: 10 * time.Millisecond, longest: 50 * time.Millisecond}
	for i, want := range []time.Duration{10, 20, 40, 50, 50} {
		if got := b.next(1); got != want*time.Millisecond {
			t.Errorf("pause %d is %v, want %dms", i, got, want)
		}
	}
	b.reset()
	if got := b.next(0); got != 5*time.Millisecond {
		t.Errorf("the shortest pause is %v", got)
	}
	slow := backoff{first: time.Second, longest: time.Second / 2}
	for range 100 {
		if got := slow.next(1); got != time.Second/2 {
			t.Fatalf("a pause of %v", got)
		}
	}
	endless := backoff{first: time.Millisecond, longest: 1<<63 - 1}
	for range 100 {
		if got := endless.next(0.5); got <= 0 {
			t.Fatalf("a pause of %v", got)
		}
	}
}

func TestRefusalsAreLoggedNowAndThen(t *testing.T) {
	t.Parallel()
	var r refusals
	start := time.Now()
	for _, c := range []struct {
		after  time.Duration
		ok     bool
		missed int
	}{{0, true, 0}, {1, false, 0}, {refusalEvery - 1, false, 0}, {refusalEvery, true, 2}, {3 * refusalEvery, true, 0}} {
		if ok, missed := r.note(start.Add(c.after)); ok != c.ok || missed != c.missed {
			t.Errorf("after %v: %v, %d", c.after, ok, missed)
		}
	}
}
