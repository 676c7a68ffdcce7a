package shells

import "fmt"

// Sizes of a child's read buffer, in bytes. It starts small because most
// children say little, follows a busy child up to inboxBusy, and goes beyond
// only while frames need it. inboxCalm reads in a row that would have done
// with inboxBusy give the rest back.
const (
	inboxStart = 64 << 10
	inboxBusy  = 256 << 10
	inboxCalm  = 64
)

// inbox is the buffer between a stream and its handler. It moves a byte only
// when a frame does not fit behind what was used, so the work is linear in the
// bytes read, whatever the frames' sizes.
type inbox struct {
	buf    []byte
	lo, hi int // buf[lo:hi] is read and not yet used
	want   int // bytes from lo on before the handler is worth calling
	calm   int // reads since one needed more than inboxBusy
}

// space returns room to read into, at least what is missing to want.
func (in *inbox) space() []byte {
	have := in.hi - in.lo
	if have == 0 {
		in.lo, in.hi = 0, 0
	}
	switch {
	case in.buf == nil:
		in.resize(inboxStart)
	case len(in.buf) > inboxBusy && in.calm >= inboxCalm && have <= inboxBusy/2:
		in.resize(inboxBusy)
	}
	// A reader that asks for the last bytes of a frame alone would pay a
	// system call for each: keep a worthwhile rest free.
	need := max(in.want, have+inboxStart/4)
	switch {
	case in.lo+need <= len(in.buf):
	case need <= len(in.buf):
		copy(in.buf, in.buf[in.lo:in.hi])
		in.lo, in.hi = 0, have
	default:
		in.resize(need + inboxStart) // once for a frame of any size, plus the start of its successors
	}
	return in.buf[in.hi:]
}

func (in *inbox) resize(size int) {
	buf := make([]byte, size)
	in.hi = copy(buf, in.buf[in.lo:in.hi])
	in.lo, in.buf = 0, buf
}

// filled records that n bytes were read into space.
func (in *inbox) filled(n int) {
	in.hi += n
	in.calm++
	if in.want > inboxBusy {
		in.calm = 0
	}
	if in.hi == len(in.buf) && len(in.buf) < inboxBusy {
		in.resize(2 * len(in.buf)) // the child writes faster than we ask
	}
}

// ready tells whether the handler can do something with what was read.
func (in *inbox) ready() bool { return in.hi > in.lo && in.hi-in.lo >= in.want }

// unused returns what was read and not yet used.
func (in *inbox) unused() []byte { return in.buf[in.lo:in.hi] }

// take records the handler's answer.
func (in *inbox) take(used, want int) {
	if used < 0 || used > in.hi-in.lo || want < 0 {
		panic(fmt.Sprintf("shells: Output used %d of %d bytes and wants %d", used, in.hi-in.lo, want))
	}
	in.lo += used
	in.want = want
}
