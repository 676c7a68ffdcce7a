package sink

import "time"

// Bounds of what waits for a sink.
const (
	maxQueued      = 10_000
	maxQueuedBytes = 16 << 20
)

// queue is what waits: events, as many as there is room for, and the last
// figures. What it has no room for it counts. It is not for concurrent use.
type queue struct {
	events  []Event // oldest first: the first ones tell how trouble began
	bytes   int
	figures []Figure
	at      time.Time // of the figures

	droppedEvents, droppedFigures int64 // since the last delivery that was taken
}

// add adds an event, if there is room.
func (q *queue) add(e Event) {
	if len(q.events) >= maxQueued || q.bytes+e.size() > maxQueuedBytes {
		q.droppedEvents++
		return
	}
	q.events = append(q.events, e)
	q.bytes += e.size()
}

// set puts figures in place of those that nobody has taken yet.
func (q *queue) set(at time.Time, list []Figure) {
	q.droppedFigures += int64(len(q.figures))
	q.figures, q.at = list, at
}

// empty tells whether nothing waits.
func (q *queue) empty() bool { return len(q.events) == 0 && len(q.figures) == 0 }

// next returns what is delivered next, nil if there is nothing. It is followed
// by done, and meanwhile add and set may be called.
func (q *queue) next() *Delivery {
	if q.empty() {
		return nil
	}
	d := &Delivery{Time: q.at, DroppedEvents: q.droppedEvents, DroppedFigures: q.droppedFigures}
	bytes := 0
	for i := range q.events {
		if bytes += q.events[i].size(); i == MaxEvents || i > 0 && bytes > maxBytes {
			break
		}
		d.Events = q.events[: i+1 : i+1]
	}
	n := min(len(q.figures), MaxFigures)
	d.Figures, q.figures = q.figures[:n:n], q.figures[n:]
	return d
}

// done says what came of a delivery, which was the last of next. Figures are
// not sent twice: they are old then.
func (q *queue) done(d *Delivery, taken bool) {
	if !taken {
		q.droppedFigures += int64(len(d.Figures))
		return
	}
	for i := range d.Events {
		q.bytes -= q.events[i].size()
	}
	q.events = append([]Event(nil), q.events[len(d.Events):]...) // those that are gone leave memory
	q.droppedEvents -= d.DroppedEvents
	q.droppedFigures -= d.DroppedFigures
}
