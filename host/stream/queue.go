package stream

// Queue is a first-in first-out queue of batches. The zero Queue is empty.
type Queue struct {
	batches []*Batch
	head    int
	rows    int
	bytes   int

	most, mostBytes int // of a batch, if the queue gathers: see Gather
}

// Rows returns how many rows wait.
func (q *Queue) Rows() int { return q.rows }

// Bytes returns how many bytes wait, nearly.
func (q *Queue) Bytes() int { return q.bytes }

// Peek returns the first batch, nil if there is none.
func (q *Queue) Peek() *Batch {
	if q.head == len(q.batches) {
		return nil
	}
	return q.batches[q.head]
}

// Push appends a batch. Rows that can share a frame of at most frame rows and
// size bytes are put together, so that what came in crumbs leaves in frames.
func (q *Queue) Push(b *Batch, frame, size int) {
	q.rows += b.N
	if q.most > 0 {
		q.gather(b)
		return
	}
	q.bytes += b.size
	if n := len(q.batches); n > q.head {
		last := q.batches[n-1]
		if last.Source == b.Source && !last.Solo && !b.Solo && last.taken == 0 && last.N+b.N <= frame && last.size+b.size <= size {
			last.absorb(b)
			return
		}
	}
	q.batches = append(q.batches, b)
}

// Pop takes rows from the front: of one batch, at most rows of them and about
// size bytes, at least one row. It returns nil if the queue is empty.
func (q *Queue) Pop(rows, size int) *Batch {
	b := q.Peek()
	if b == nil {
		return nil
	}
	before := b.size
	part := b.take(max(rows, 1), size)
	if part == b {
		q.bytes -= before
	} else {
		q.bytes -= part.size
	}
	q.rows -= part.N
	if part == b || b.Left() == 0 {
		q.drop()
	}
	if q.rows == 0 {
		q.bytes = 0 // sizes are estimates, and do not add up exactly
	}
	return part
}

func (q *Queue) drop() {
	q.batches[q.head] = nil
	q.head++
	if q.head == len(q.batches) {
		q.batches, q.head = q.batches[:0], 0
	} else if q.head > 64 && q.head > len(q.batches)/2 {
		n := copy(q.batches, q.batches[q.head:])
		clear(q.batches[n:])
		q.batches, q.head = q.batches[:n], 0
	}
}

// Each calls f for every batch that waits, in order.
func (q *Queue) Each(f func(*Batch)) {
	for _, b := range q.batches[q.head:] {
		f(b)
	}
}

// Keep removes the batches that are not to be kept, and returns how many rows
// of theirs waited. The others stay as they are, taken in part or not.
func (q *Queue) Keep(keep func(*Batch) bool) (removed int) {
	stay := q.batches[:0]
	for _, b := range q.batches[q.head:] {
		if keep(b) {
			stay = append(stay, b)
			continue
		}
		removed += b.Left()
		q.bytes -= b.size
	}
	clear(q.batches[len(stay):])
	q.batches, q.head = stay, 0
	if q.rows -= removed; q.rows == 0 {
		q.bytes = 0
	}
	return removed
}

// Clear empties the queue.
func (q *Queue) Clear() { *q = Queue{most: q.most, mostBytes: q.mostBytes} }
