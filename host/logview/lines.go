package logview

import (
	"bytes"
	"io"
)

// Bounds of a line, in bytes; the rest of a longer one is left out.
const (
	maxLine = 64 << 10
	maxDead = 2 << 20 // of a dead.jsonl: such a line would be of no use
)

// chunk is how much is read at a time.
const chunk = 256 << 10

// lines cuts what a file says, or will say, into lines. It is not safe for
// concurrent use.
type lines struct {
	r       io.Reader
	buf     []byte
	limit   int
	partial []byte // a line whose end has not come yet, up to limit of it
	at      int64  // where the line begins that is passed on, or has not ended; in bytes
	next    int64  // where reading goes on
}

func newLines(r io.Reader) *lines { return &lines{r: r, buf: make([]byte, chunk), limit: maxLine} }

// read reads once, and calls f with each line that is whole now; f must not
// keep it. It returns how many bytes came: 0, nothing is there at the moment.
func (l *lines) read(f func([]byte)) (int, error) {
	n, err := l.r.Read(l.buf)
	for rest := l.buf[:n]; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		l.next += int64(len(rest) - len(after))
		rest = after
		switch {
		case !ended:
			l.partial = append(l.partial, part[:min(len(part), l.limit-len(l.partial))]...)
			continue
		case len(l.partial) == 0:
			f(part[:min(len(part), l.limit)])
		default:
			l.partial = append(l.partial, part[:min(len(part), l.limit-len(l.partial))]...)
			f(l.partial)
			l.partial = l.partial[:0]
		}
		l.at = l.next
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// all reads until nothing is there.
func (l *lines) all(f func([]byte)) error {
	for {
		n, err := l.read(f)
		if n == 0 || err != nil {
			return err
		}
	}
}

// end calls f with a last line that lacks its end.
func (l *lines) end(f func([]byte)) {
	if len(l.partial) > 0 {
		f(l.partial)
		l.partial = l.partial[:0]
		l.at = l.next
	}
}

// last keeps the last of what it is given: no more than a number of them, and
// than a number of bytes.
type last[T any] struct {
	limit, budget int
	all           []kept[T]
	size          int  // bytes of all
	left          bool // something was given that is not kept
}

type kept[T any] struct {
	value T
	size  int
}

func (l *last[T]) add(v T, size int) {
	l.all = append(l.all, kept[T]{v, size})
	l.size += size
	for len(l.all) > l.limit || l.size > l.budget && len(l.all) > 1 {
		l.size -= l.all[0].size
		l.left = true
		l.all = l.all[1:] // append moves the rest when it runs out of room
	}
}

// list returns what is kept, oldest first.
func (l *last[T]) list() []T {
	list := make([]T, len(l.all))
	for i, k := range l.all {
		list[i] = k.value
	}
	return list
}
