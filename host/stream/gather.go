package stream

import (
	"math"
	"time"
)

// Gather has the queue put rows together by source, into batches of at most
// rows and about size bytes, for a component that asked for such: call it
// before the first Push. Rows of one source keep their order; [Queue.Ripe] says
// which batch is to leave.
func (q *Queue) Gather(rows, size int) { q.most, q.mostBytes = rows, size }

// gather is Push for a queue that gathers: the last batch of the source is
// filled up before another is begun.
func (q *Queue) gather(b *Batch) {
	if last := q.lastOf(b.Source); last != nil && !b.Solo && q.hasRoom(last) {
		part := b.take(q.most-last.N, q.mostBytes-last.size)
		q.bytes += part.size
		last.absorb(part)
		if part == b {
			return
		}
	}
	for b.Left() > 0 {
		part := b.take(q.most, q.mostBytes)
		q.bytes += part.size
		q.batches = append(q.batches, part)
		if part == b {
			return
		}
	}
}

// lastOf returns the last batch of a source that rows may join, nil if there is none.
func (q *Queue) lastOf(source *Source) *Batch {
	for i := len(q.batches) - 1; i >= q.head; i-- {
		if b := q.batches[i]; b.Source == source {
			if b.Solo || b.taken > 0 {
				return nil
			}
			return b
		}
	}
	return nil
}

func (q *Queue) hasRoom(b *Batch) bool { return b.N < q.most && b.size < q.mostBytes }

// Ripe returns the batch that is to leave a queue that gathers: one whose first
// row has waited for wait, else one that is full or whose row travels alone. If
// there is none it tells when there will be, though nothing is added; the zero
// time: never.
func (q *Queue) Ripe(now time.Time, wait time.Duration) (ripe *Batch, due time.Time) {
	for _, b := range q.batches[q.head:] {
		at := b.Since.Add(wait)
		if !now.Before(at) {
			return b, at
		}
		if ripe == nil && (b.Solo || !q.hasRoom(b) || q.lastOf(b.Source) != b) {
			ripe = b
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return ripe, due
}

// Take removes a batch that waits, and returns what is left of it.
func (q *Queue) Take(b *Batch) *Batch {
	for i := q.head; i < len(q.batches); i++ {
		if q.batches[i] != b {
			continue
		}
		copy(q.batches[q.head+1:i+1], q.batches[q.head:i]) // those before it are few
		q.batches[q.head] = b
		return q.Pop(b.Left(), math.MaxInt)
	}
	return nil
}
