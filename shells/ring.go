package shells

// ring keeps the last bytes written to it, up to its capacity. It grows to that only
// as bytes come, so a silent child costs nothing.
type ring struct {
	size int // capacity, in bytes
	buf  []byte
	next int // where the next byte goes once buf is full: the oldest byte
}

// write appends b.
func (r *ring) write(b []byte) {
	if len(b) >= r.size {
		r.buf = append(r.buf[:0], b[len(b)-r.size:]...)
		r.next = 0
		return
	}
	if free := r.size - len(r.buf); free > 0 {
		n := min(free, len(b))
		r.buf = append(r.buf, b[:n]...)
		b = b[n:]
	}
	for len(b) > 0 {
		n := copy(r.buf[r.next:], b)
		r.next = (r.next + n) % r.size
		b = b[n:]
	}
}

// bytes returns a copy of what is kept, oldest first.
func (r *ring) bytes() []byte {
	return append(append(make([]byte, 0, len(r.buf)), r.buf[r.next:]...), r.buf[:r.next]...)
}
