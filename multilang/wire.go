package multilang

import (
	"fmt"
	"math"
	"time"
)

// The Append functions write one msgpack value, in its shortest form, after
// dst and return the longer slice.

// AppendNil appends nil.
func AppendNil(dst []byte) []byte { return append(dst, 0xc0) }

// AppendBool appends v.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

// AppendInt appends v.
func AppendInt(dst []byte, v int64) []byte {
	if v >= 0 {
		return AppendUint(dst, uint64(v))
	}
	switch {
	case v >= -32:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, 0xd0, byte(v))
	case v >= math.MinInt16:
		return be.AppendUint16(append(dst, 0xd1), uint16(v))
	case v >= math.MinInt32:
		return be.AppendUint32(append(dst, 0xd2), uint32(v))
	}
	return be.AppendUint64(append(dst, 0xd3), uint64(v))
}

// AppendUint appends v, which must be below 2^63 to be a value of the protocol.
func AppendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return be.AppendUint16(append(dst, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		return be.AppendUint32(append(dst, 0xce), uint32(v))
	}
	return be.AppendUint64(append(dst, 0xcf), v)
}

// AppendFloat appends v as 64 bits.
func AppendFloat(dst []byte, v float64) []byte {
	return be.AppendUint64(append(dst, 0xcb), math.Float64bits(v))
}

// AppendStr appends v as a str; the caller vouches for UTF-8.
func AppendStr[T ~string | ~[]byte](dst []byte, v T) []byte {
	switch n := len(v); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		dst = append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		dst = be.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = be.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, v...)
}

// AppendBin appends v as a bin.
func AppendBin(dst, v []byte) []byte {
	return append(AppendBinHeader(dst, len(v)), v...)
}

// AppendBinHeader appends the start of a bin of n bytes, which the caller appends next.
func AppendBinHeader(dst []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(dst, 0xc4, byte(n))
	case n <= math.MaxUint16:
		return be.AppendUint16(append(dst, 0xc5), uint16(n))
	}
	return be.AppendUint32(append(dst, 0xc6), uint32(n))
}

// AppendU32s appends a bin of 32-bit little-endian numbers.
func AppendU32s(dst []byte, v []uint32) []byte {
	dst = AppendBinHeader(dst, 4*len(v))
	for _, x := range v {
		dst = le.AppendUint32(dst, x)
	}
	return dst
}

// AppendArray appends the start of an array of n values.
func AppendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x90|byte(n))
	case n <= math.MaxUint16:
		return be.AppendUint16(append(dst, 0xdc), uint16(n))
	}
	return be.AppendUint32(append(dst, 0xdd), uint32(n))
}

// AppendMap appends the start of a map of n keys and values.
func AppendMap(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x80|byte(n))
	case n <= math.MaxUint16:
		return be.AppendUint16(append(dst, 0xde), uint16(n))
	}
	return be.AppendUint32(append(dst, 0xdf), uint32(n))
}

// AppendTime appends the timestamp extension, in the shortest of its three forms.
func AppendTime(dst []byte, t time.Time) []byte {
	s, ns := t.Unix(), uint64(t.Nanosecond())
	switch {
	case ns == 0 && s >= 0 && s <= math.MaxUint32:
		return be.AppendUint32(append(dst, 0xd6, 0xff), uint32(s))
	case s >= 0 && s < 1<<34:
		return be.AppendUint64(append(dst, 0xd7, 0xff), ns<<34|uint64(s))
	}
	dst = be.AppendUint32(append(dst, 0xc7, 12, 0xff), uint32(ns))
	return be.AppendUint64(dst, uint64(s))
}

// appendExtHeader appends the start of an ext of n bytes.
func appendExtHeader(dst []byte, typ int8, n int) []byte {
	switch {
	case n == 1 || n == 2 || n == 4 || n == 8 || n == 16:
		code := map[int]byte{1: 0xd4, 2: 0xd5, 4: 0xd6, 8: 0xd7, 16: 0xd8}[n]
		return append(dst, code, byte(typ))
	case n <= math.MaxUint8:
		return append(dst, 0xc7, byte(n), byte(typ))
	case n <= math.MaxUint16:
		return append(be.AppendUint16(append(dst, 0xc8), uint16(n)), byte(typ))
	}
	return append(be.AppendUint32(append(dst, 0xc9), uint32(n)), byte(typ))
}

// reader takes a message apart. After the first error it returns zeros, so
// that callers check err once.
type reader struct {
	b   []byte
	pos int
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: %s: %w", r.pos, what, ErrMalformed)
	}
}

// next checks the next value's own bytes and steps over them.
func (r *reader) next() []byte {
	if r.err != nil {
		return nil
	}
	n, _, _, err := head(r.b[r.pos:])
	if err != nil {
		r.err = fmt.Errorf("at byte %d: %w", r.pos, err)
		return nil
	}
	v := r.b[r.pos : r.pos+n]
	r.pos += n
	return v
}

// value steps over a whole value and returns its bytes.
func (r *reader) value() []byte {
	if r.err != nil {
		return nil
	}
	n, err := Skip(r.b[r.pos:])
	if err != nil {
		r.err = fmt.Errorf("after byte %d: %w", r.pos, err)
		return nil
	}
	v := r.b[r.pos : r.pos+n]
	r.pos += n
	return v
}

func (r *reader) array(what string) int {
	v := r.next()
	if v == nil {
		return 0
	}
	switch c := v[0]; {
	case c >= 0x90 && c < 0xa0:
		return int(c & 0x0f)
	case c == 0xdc:
		return int(be.Uint16(v[1:]))
	case c == 0xdd:
		n := be.Uint32(v[1:])
		if uint64(n) <= uint64(len(r.b)-r.pos) {
			return int(n)
		}
	}
	r.fail(what + " is not an array")
	return 0
}

func (r *reader) mapping(what string) int {
	v := r.next()
	if v == nil {
		return 0
	}
	switch c := v[0]; {
	case c >= 0x80 && c < 0x90:
		return int(c & 0x0f)
	case c == 0xde:
		return int(be.Uint16(v[1:]))
	case c == 0xdf:
		n := be.Uint32(v[1:])
		if uint64(n) <= uint64(len(r.b)-r.pos) {
			return int(n)
		}
	}
	r.fail(what + " is not a map")
	return 0
}

func (r *reader) int(what string) int64 {
	if r.err == nil && r.pos < len(r.b) && r.b[r.pos] < 0x80 {
		r.pos++
		return int64(r.b[r.pos-1])
	}
	v := r.next()
	if v == nil {
		return 0
	}
	n, ok := intValue(v)
	if !ok {
		r.fail(what + " is not an int")
	}
	return n
}

func (r *reader) uint(what string, limit int64) int {
	n := r.int(what)
	if n < 0 || n > limit {
		r.fail(fmt.Sprintf("%s is %d, not 0 to %d", what, n, limit))
		return 0
	}
	return int(n)
}

// peekInt tells whether the next value is an int.
func (r *reader) peekInt() bool {
	if r.err != nil || r.pos >= len(r.b) {
		return false
	}
	c := r.b[r.pos]
	return c < 0x80 || c >= 0xe0 || c >= 0xcc && c <= 0xd3
}

func (r *reader) bool(what string) bool {
	v := r.next()
	if v == nil {
		return false
	}
	if v[0] != 0xc2 && v[0] != 0xc3 {
		r.fail(what + " is not a bool")
	}
	return v[0] == 0xc3
}

func (r *reader) str(what string) string {
	v := r.next()
	if v == nil {
		return ""
	}
	s, ok := strValue(v)
	if !ok {
		r.fail(what + " is not a str")
	}
	return string(s)
}

// bin returns a bin's bytes; nil counts as empty.
func (r *reader) bin(what string) []byte {
	v := r.next()
	if v == nil || v[0] == 0xc0 {
		return nil
	}
	s, ok := binValue(v)
	if !ok {
		r.fail(what + " is not a bin")
	}
	return s
}

// u32s returns a bin that holds a multiple of width 32-bit numbers.
func (r *reader) u32s(what string, width int) U32s {
	s := r.bin(what)
	if len(s)%(4*width) != 0 {
		r.fail(fmt.Sprintf("%s has %d bytes, not a multiple of %d", what, len(s), 4*width))
		return nil
	}
	return U32s(s)
}

// ext returns an ext's type and data.
func (r *reader) ext(what string) (int8, []byte) {
	if r.err != nil {
		return 0, nil
	}
	b := r.b[r.pos:]
	hdr, n := extHead(b)
	if hdr == 0 || uint64(n) > uint64(len(b)-hdr) {
		r.fail(what + " is not a whole ext")
		return 0, nil
	}
	r.pos += hdr + int(n)
	return int8(b[hdr-1]), b[hdr : hdr+int(n)]
}

// extHead returns the number of bytes before an ext's data, type included, and
// the length of the data; 0 if b starts no ext.
func extHead(b []byte) (hdr int, n uint32) {
	if len(b) < 2 {
		return 0, 0
	}
	switch c := b[0]; {
	case c >= 0xd4 && c <= 0xd8:
		return 2, 1 << (c - 0xd4)
	case c == 0xc7 && len(b) >= 3:
		return 3, uint32(b[1])
	case c == 0xc8 && len(b) >= 4:
		return 4, uint32(be.Uint16(b[1:]))
	case c == 0xc9 && len(b) >= 6:
		return 6, be.Uint32(b[1:])
	}
	return 0, 0
}

// U32s is a list of 32-bit little-endian numbers, as it stands on the wire.
type U32s []byte

// Len returns how many numbers there are.
func (u U32s) Len() int { return len(u) / 4 }

// At returns number i.
func (u U32s) At(i int) uint32 { return le.Uint32(u[4*i:]) }

// intValue reads an int from a whole scalar.
func intValue(v []byte) (int64, bool) {
	switch c := v[0]; {
	case c < 0x80 || c >= 0xe0:
		return int64(int8(c)), true
	case c == 0xcc:
		return int64(v[1]), true
	case c == 0xcd:
		return int64(be.Uint16(v[1:])), true
	case c == 0xce:
		return int64(be.Uint32(v[1:])), true
	case c == 0xcf || c == 0xd3:
		return int64(be.Uint64(v[1:])), true
	case c == 0xd0:
		return int64(int8(v[1])), true
	case c == 0xd1:
		return int64(int16(be.Uint16(v[1:]))), true
	case c == 0xd2:
		return int64(int32(be.Uint32(v[1:]))), true
	}
	return 0, false
}

func strValue(v []byte) ([]byte, bool) {
	switch c := v[0]; {
	case c >= 0xa0 && c < 0xc0:
		return v[1:], true
	case c == 0xd9:
		return v[2:], true
	case c == 0xda:
		return v[3:], true
	case c == 0xdb:
		return v[5:], true
	}
	return nil, false
}

func binValue(v []byte) ([]byte, bool) {
	switch v[0] {
	case 0xc4:
		return v[2:], true
	case 0xc5:
		return v[3:], true
	case 0xc6:
		return v[5:], true
	}
	return nil, false
}

func floatValue(v []byte) (float64, bool) {
	switch v[0] {
	case 0xca:
		return float64(math.Float32frombits(be.Uint32(v[1:]))), true
	case 0xcb:
		return math.Float64frombits(be.Uint64(v[1:])), true
	}
	return 0, false
}

// timeValue reads a whole, checked timestamp.
func timeValue(v []byte) (time.Time, bool) {
	switch v[0] {
	case 0xd6:
		return time.Unix(int64(be.Uint32(v[2:])), 0), true
	case 0xd7:
		x := be.Uint64(v[2:])
		return time.Unix(int64(x&(1<<34-1)), int64(x>>34)), true
	case 0xc7:
		return time.Unix(int64(be.Uint64(v[7:])), int64(be.Uint32(v[3:]))), true
	}
	return time.Time{}, false
}
