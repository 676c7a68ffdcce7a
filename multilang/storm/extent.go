package storm

import "math"

// extent finds where a msgpack value ends that arrives bit by bit, in time
// linear in its length. It checks nothing but what it needs: multilang.Skip does, once
// the value is whole. The zero extent is at the start of a value.
type extent struct {
	pos  int    // bytes looked at
	left uint64 // values still to come, plus one for those that were begun; 0: none was begun
}

// maxValues bounds what a message may declare.
const maxValues = 1 << 32

// next returns the length of the value at the start of buf, or 0 and how many
// bytes there must be before it can say more. It goes on where it stopped: buf
// begins with the bytes of the call before.
func (x *extent) next(buf []byte) (n, want int) {
	if x.left == 0 {
		x.left = 1
	}
	for x.left > 0 {
		if x.pos >= len(buf) {
			return 0, x.pos + 1
		}
		head, body, inside := sizes(buf[x.pos:])
		if body < 0 {
			return 0, x.pos + head
		}
		if x.pos+head+body > len(buf) {
			return 0, x.pos + head + body
		}
		x.pos += head + body
		x.left += inside - 1
		if x.left > maxValues {
			return 0, math.MaxInt // no such message will be whole
		}
	}
	n = x.pos
	*x = extent{}
	return n, 0
}

// sizes reads the start of a value: the bytes of its header, those of its own
// body, and how many values follow inside it. body is -1 if the header is not whole.
func sizes(b []byte) (head, body int, inside uint64) {
	c := b[0]
	switch {
	case c < 0x80 || c >= 0xe0:
		return 1, 0, 0
	case c < 0x90:
		return 1, 0, 2 * uint64(c&15)
	case c < 0xa0:
		return 1, 0, uint64(c & 15)
	case c < 0xc0:
		return 1, int(c & 31), 0
	}
	type form struct{ length, extra int } // bytes of the length, and of what stands behind it
	var f form
	switch c {
	case 0xc4, 0xd9:
		f = form{1, 0}
	case 0xc5, 0xda, 0xdc, 0xde:
		f = form{2, 0}
	case 0xc6, 0xdb, 0xdd, 0xdf:
		f = form{4, 0}
	case 0xc7:
		f = form{1, 1}
	case 0xc8:
		f = form{2, 1}
	case 0xc9:
		f = form{4, 1}
	case 0xcc, 0xd0:
		return 1, 1, 0
	case 0xcd, 0xd1:
		return 1, 2, 0
	case 0xca, 0xce, 0xd2:
		return 1, 4, 0
	case 0xcb, 0xcf, 0xd3:
		return 1, 8, 0
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return 1, 1 + 1<<(c-0xd4), 0
	default:
		return 1, 0, 0
	}
	head = 1 + f.length
	if len(b) < head {
		return head, -1, 0
	}
	n := 0
	for _, d := range b[1:head] {
		n = n<<8 | int(d)
	}
	switch c {
	case 0xdc, 0xdd:
		return head, 0, uint64(n)
	case 0xde, 0xdf:
		return head, 0, 2 * uint64(n)
	}
	return head, f.extra + n, 0
}
