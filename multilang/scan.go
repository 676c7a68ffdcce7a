package multilang

import (
	"encoding/binary"
	"fmt"
)

var be, le = binary.BigEndian, binary.LittleEndian

// Skip returns the length of the msgpack value at the start of b, having
// checked it: complete, nested at most [MaxDepth] deep, counts no larger than
// the bytes that are left, ints within 64 signed bits, no extension but the
// timestamp, and map keys that are no containers. It does not recurse.
func Skip(b []byte) (int, error) {
	var left [MaxDepth]uint32 // values still to come, by depth
	depth, pos := -1, 0
	var inMap uint64 // bit d: the container at depth d is a map
	for {
		n, children, kind, err := head(b[pos:])
		if err != nil {
			return 0, fmt.Errorf("at byte %d: %w", pos, err)
		}
		if depth >= 0 {
			if kind != scalar && inMap&(1<<depth) != 0 && left[depth]%2 == 0 {
				return 0, fmt.Errorf("at byte %d: a map key is a list or a map: %w", pos, ErrMalformed)
			}
			left[depth]--
		}
		pos += n
		if kind != scalar && depth == MaxDepth-1 {
			return 0, fmt.Errorf("at byte %d: nested deeper than %d: %w", pos, MaxDepth, ErrMalformed)
		}
		if children > 0 {
			depth++
			if uint64(children) > uint64(len(b)-pos) {
				return 0, fmt.Errorf("at byte %d: %d values declared, %d bytes left: %w", pos, children, len(b)-pos, ErrTruncated)
			}
			left[depth] = children
			inMap &^= 1 << depth
			if kind == mapping {
				inMap |= 1 << depth
			}
			continue
		}
		for depth >= 0 && left[depth] == 0 {
			depth--
		}
		if depth < 0 {
			return pos, nil
		}
	}
}

type class uint8

const (
	scalar class = iota
	list
	mapping
)

// head reads the first value's own bytes: their number, and how many values
// inside it follow (for a map, keys and values both count).
func head(b []byte) (n int, children uint32, kind class, err error) {
	if len(b) == 0 {
		return 0, 0, scalar, ErrTruncated
	}
	c := b[0]
	switch {
	case c < 0x80 || c >= 0xe0: // fixint
		return 1, 0, scalar, nil
	case c < 0x90: // fixmap
		return 1, 2 * uint32(c&0x0f), mapping, nil
	case c < 0xa0: // fixarray
		return 1, uint32(c & 0x0f), list, nil
	case c < 0xc0: // fixstr
		return sized(b, 1+int(c&0x1f))
	}
	switch c {
	case 0xc0, 0xc2, 0xc3:
		return 1, 0, scalar, nil
	case 0xcc, 0xd0:
		return sized(b, 2)
	case 0xcd, 0xd1:
		return sized(b, 3)
	case 0xca, 0xce, 0xd2:
		return sized(b, 5)
	case 0xcb, 0xd3:
		return sized(b, 9)
	case 0xcf:
		if len(b) >= 9 && b[1] >= 0x80 {
			return 0, 0, scalar, fmt.Errorf("int %d is beyond 64 signed bits: %w", be.Uint64(b[1:]), ErrMalformed)
		}
		return sized(b, 9)
	case 0xc4, 0xd9:
		return lengthed(b, 1)
	case 0xc5, 0xda:
		return lengthed(b, 2)
	case 0xc6, 0xdb:
		return lengthed(b, 4)
	case 0xdc, 0xdd, 0xde, 0xdf:
		return container(b)
	case 0xc7, 0xd6, 0xd7:
		return timestamp(b)
	}
	return 0, 0, scalar, fmt.Errorf("byte %#02x starts no value: %w", c, ErrMalformed)
}

func sized(b []byte, n int) (int, uint32, class, error) {
	if len(b) < n {
		return 0, 0, scalar, ErrTruncated
	}
	return n, 0, scalar, nil
}

// lengthed is a value with its length in w bytes after the first.
func lengthed(b []byte, w int) (int, uint32, class, error) {
	if len(b) < 1+w {
		return 0, 0, scalar, ErrTruncated
	}
	var n uint32
	switch w {
	case 1:
		n = uint32(b[1])
	case 2:
		n = uint32(be.Uint16(b[1:]))
	default:
		n = be.Uint32(b[1:])
	}
	if uint64(n) > uint64(len(b)-1-w) {
		return 0, 0, scalar, fmt.Errorf("%d bytes declared, %d left: %w", n, len(b)-1-w, ErrTruncated)
	}
	return 1 + w + int(n), 0, scalar, nil
}

func container(b []byte) (int, uint32, class, error) {
	w := 2
	if b[0]&1 == 1 {
		w = 4
	}
	if len(b) < 1+w {
		return 0, 0, scalar, ErrTruncated
	}
	n := uint32(be.Uint16(b[1:]))
	if w == 4 {
		n = be.Uint32(b[1:])
	}
	if b[0] < 0xde {
		return 1 + w, n, list, nil
	}
	if n > 1<<30 {
		return 0, 0, scalar, fmt.Errorf("%d map entries declared: %w", n, ErrTruncated)
	}
	return 1 + w, 2 * n, mapping, nil
}

// timestamp checks an ext of type -1: 4, 8 or 12 bytes.
func timestamp(b []byte) (int, uint32, class, error) {
	n, typ := 6, 1
	switch b[0] {
	case 0xd7:
		n = 10
	case 0xc7:
		n, typ = 15, 2
		if len(b) >= 2 && b[1] != 12 {
			return 0, 0, scalar, fmt.Errorf("extension of %d bytes: %w", b[1], ErrMalformed)
		}
	}
	if len(b) < n {
		return 0, 0, scalar, ErrTruncated
	}
	if b[typ] != 0xff {
		return 0, 0, scalar, fmt.Errorf("extension type %d: %w", int8(b[typ]), ErrMalformed)
	}
	if nanos(b[:n]) >= 1e9 {
		return 0, 0, scalar, fmt.Errorf("timestamp with %d nanoseconds: %w", nanos(b[:n]), ErrMalformed)
	}
	return n, 0, scalar, nil
}

// nanos returns the nanoseconds of a complete timestamp.
func nanos(b []byte) uint32 {
	switch len(b) {
	case 10:
		return uint32(be.Uint64(b[2:]) >> 34)
	case 15:
		return be.Uint32(b[3:])
	}
	return 0
}
