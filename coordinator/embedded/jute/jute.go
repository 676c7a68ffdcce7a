// Package jute reads and writes ZooKeeper's serialisation: big-endian
// integers, and bytes, strings and vectors behind a 32-bit length or count.
//
// Reading is for hostile input: nothing is read beyond the end, nothing is
// allocated for a count that the rest of the input cannot hold, and a result
// never aliases the input.
package jute

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrMalformed is wrapped by every error of a [Reader].
var ErrMalformed = errors.New("malformed message")

// Reader reads values from a buffer, one after the other. The first error
// sticks: afterwards every value is zero, so that a message is read whole and
// checked once. It must not be used concurrently.
type Reader struct {
	rest []byte
	err  error
}

// NewReader returns a reader of b, which it does not change.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Err returns the first error, or nil.
func (r *Reader) Err() error { return r.err }

// Len returns the number of bytes not yet read.
func (r *Reader) Len() int { return len(r.rest) }

// Fail makes the reader fail for a reason of the caller's.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	r.rest = nil
}

// take returns the next n bytes of the input itself, or nil.
func (r *Reader) take(n int) []byte {
	if n > len(r.rest) {
		r.Fail("%d bytes wanted, %d left", n, len(r.rest))
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool reads one byte, 0 or 1.
func (r *Reader) Bool() bool {
	b := r.Byte()
	if b > 1 {
		r.Fail("a bool is %d", b)
	}
	return b == 1
}

// Int32 reads an int.
func (r *Reader) Int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// Int64 reads a long.
func (r *Reader) Int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// Bytes reads a buffer into memory of its own. A length of −1 means none and
// gives nil.
func (r *Reader) Bytes() []byte {
	n := r.Int32()
	if r.err != nil || n == -1 {
		return nil
	}
	if n < 0 {
		r.Fail("a buffer has length %d", n)
		return nil
	}
	b := r.take(int(n))
	if r.err != nil {
		return nil
	}
	return append(make([]byte, 0, n), b...)
}

// Text reads a ustring, which must be UTF-8. A length of −1 means none and
// gives "".
func (r *Reader) Text() string {
	n := r.Int32()
	if r.err != nil || n == -1 {
		return ""
	}
	if n < 0 {
		r.Fail("a string has length %d", n)
		return ""
	}
	b := r.take(int(n))
	if !utf8.Valid(b) {
		r.Fail("a string is not UTF-8")
		return ""
	}
	return string(b)
}

// Count reads the count of a vector whose elements take at least size bytes
// each. A vector that is none counts 0.
func (r *Reader) Count(size int) int {
	n := r.Int32()
	if r.err != nil || n == -1 {
		return 0
	}
	if n < 0 || int(n) > len(r.rest)/size {
		r.Fail("a vector counts %d elements in %d bytes", n, len(r.rest))
		return 0
	}
	return int(n)
}

// AppendBool appends a bool.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendInt32 appends an int.
func AppendInt32(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }

// AppendInt64 appends a long.
func AppendInt64(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

// AppendBytes appends a buffer; nil stays nil.
func AppendBytes(b, v []byte) []byte {
	if v == nil {
		return AppendInt32(b, -1)
	}
	return append(AppendInt32(b, int32(len(v))), v...)
}

// AppendString appends a ustring.
func AppendString(b []byte, v string) []byte {
	return append(AppendInt32(b, int32(len(v))), v...)
}
