package worker

// origins remembers which rows of an inbox came from which other worker, in
// the order in which they wait, so that credit goes back to whom it belongs.
// Rows of our own tasks have no arrival. It is guarded by its inbox.
type origins struct {
	segments []segment
	head     int
}

type segment struct {
	from *arrival
	rows int
}

func (o *origins) push(from *arrival, rows int) {
	if n := len(o.segments); n > o.head && o.segments[n-1].from == from {
		o.segments[n-1].rows += rows
		return
	}
	if o.head > 64 {
		o.segments = append(o.segments[:0], o.segments[o.head:]...)
		o.head = 0
	}
	o.segments = append(o.segments, segment{from, rows})
}

// pop notes that rows, of so many bytes together, have been taken from the inbox.
func (o *origins) pop(rows, bytes int, in *inbox) {
	for rows > 0 {
		s := &o.segments[o.head]
		n := min(rows, s.rows)
		size := bytes * n / rows
		s.rows -= n
		rows, bytes = rows-n, bytes-size
		if s.from != nil {
			s.from.taken(in, n, size)
		}
		if s.rows == 0 {
			o.segments[o.head] = segment{}
			if o.head++; o.head == len(o.segments) {
				o.segments, o.head = o.segments[:0], 0
			}
		}
	}
}
