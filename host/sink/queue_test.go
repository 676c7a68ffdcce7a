package sink

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever comes in whatever order, and whatever becomes of deliveries: events
// arrive in order, none twice but after a failure; what does not arrive is
// counted, and told once; and the bounds hold.
func TestQueue(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300<<10)
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var added, dropped int64 // events
		var sent, lost int64     // figures: put in, told of as dropped
		var arrived []string     // ids of events
		var toldEvents, arrivedFigures int64
		var pending *Delivery
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				big := rapid.SampledFrom([]int{0, 10, 300 << 10}).Draw(t, "bytes")
				for range rapid.SampledFrom([]int{1, 7, MaxEvents, 3000}).Draw(t, "events") {
					q.add(Event{ID: strconv.FormatInt(added, 10), Detail: long[:big]})
					added++
				}
			case 1:
				n := rapid.SampledFrom([]int{0, 1, MaxFigures, 2*MaxFigures + 1}).Draw(t, "figures")
				q.set(time.Unix(1, 0), make([]Figure, n))
				sent += int64(n)
			case 2:
				if pending == nil {
					pending = q.next()
				}
			case 3:
				if pending == nil {
					break
				}
				taken := rapid.Bool().Draw(t, "taken")
				if taken {
					for _, e := range pending.Events {
						arrived = append(arrived, e.ID)
					}
					arrivedFigures += int64(len(pending.Figures))
					toldEvents += pending.DroppedEvents
					lost += pending.DroppedFigures
				}
				q.done(pending, taken)
				pending = nil
			}
			if pending != nil && (len(pending.Events) > MaxEvents || len(pending.Figures) > MaxFigures || len(pending.Events)+len(pending.Figures) == 0) {
				t.Fatalf("a delivery of %d events and %d figures", len(pending.Events), len(pending.Figures))
			}
			if len(q.events) > maxQueued || q.bytes > maxQueuedBytes {
				t.Fatalf("%d events of %d bytes wait", len(q.events), q.bytes)
			}
		}
		bytes := 0
		for i := range q.events {
			bytes += q.events[i].size()
		}
		if bytes != q.bytes {
			t.Fatalf("%d bytes wait, and %d are counted", bytes, q.bytes)
		}
		if pending != nil {
			q.done(pending, false)
		}
		for d := q.next(); d != nil; d = q.next() {
			for _, e := range d.Events {
				arrived = append(arrived, e.ID)
			}
			arrivedFigures += int64(len(d.Figures))
			toldEvents, lost = toldEvents+d.DroppedEvents, lost+d.DroppedFigures
			q.done(d, true)
		}
		dropped = toldEvents + q.droppedEvents
		lost += q.droppedFigures
		if int64(len(arrived))+dropped != added || arrivedFigures+lost != sent {
			t.Fatalf("%d events: %d arrived, %d dropped; %d figures: %d arrived, %d dropped", added, len(arrived), dropped, sent, arrivedFigures, lost)
		}
		if !slices.IsSortedFunc(arrived, func(a, b string) int { x, _ := strconv.Atoi(a); y, _ := strconv.Atoi(b); return x - y }) || len(slices.Compact(slices.Clone(arrived))) != len(arrived) {
			t.Fatalf("out of order, or twice: %v", arrived)
		}
	})
}
