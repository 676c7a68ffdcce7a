package multilang

import (
	"bytes"
	"fmt"
	"math"
	"unicode/utf8"
)

// Kind is the type of a column, as PROTOCOL.md numbers them.
type Kind uint8

// The kinds. Nullable is added to one of Bool to Bin.
const (
	KindNil   Kind = 1
	KindBool  Kind = 2
	KindInt   Kind = 3
	KindFloat Kind = 4
	KindStr   Kind = 5 // joined by NUL
	KindText  Kind = 6 // str with lengths
	KindBin   Kind = 7
	KindAny   Kind = 8 // msgpack
	KindJSON  Kind = 9
	Nullable  Kind = 16
)

// Column holds the values of one field for some rows, as they stand on the wire.
type Column struct {
	Kind Kind
	Data []byte
}

// Check tells whether c is a column of n rows, n > 0: what a receiver may rely on.
func (c Column) Check(n int) error {
	kind, data := c.Kind, c.Data
	if kind&Nullable != 0 {
		kind &^= Nullable
		if kind < KindBool || kind > KindBin {
			return fmt.Errorf("column kind %d: %w", c.Kind, ErrMalformed)
		}
		if len(data) < (n+7)/8 {
			return fmt.Errorf("bitmap of %d rows: %w", n, ErrTruncated)
		}
		data = data[(n+7)/8:]
	}
	switch kind {
	case KindNil:
		return wantLen(data, 0, n)
	case KindBool:
		for _, b := range data {
			if b > 1 {
				return fmt.Errorf("bool %d: %w", b, ErrMalformed)
			}
		}
		return wantLen(data, n, n)
	case KindInt, KindFloat:
		return wantLen(data, 8*n, n)
	case KindStr:
		if k := bytes.Count(data, nul) + 1; k != n {
			return fmt.Errorf("%d strings for %d rows: %w", k, n, ErrMalformed)
		}
		if !utf8.Valid(data) {
			return fmt.Errorf("str that is not UTF-8: %w", ErrMalformed)
		}
		return nil
	case KindText, KindBin:
		return checkLengths(kind, data, n)
	case KindAny:
		return checkAny(data, n)
	case KindJSON:
		return checkTexts(data, n)
	}
	return fmt.Errorf("column kind %d: %w", c.Kind, ErrMalformed)
}

var nul, lf = []byte{0}, []byte{'\n'}

func wantLen(data []byte, want, n int) error {
	if len(data) != want {
		return fmt.Errorf("%d bytes for %d rows, not %d: %w", len(data), n, want, ErrMalformed)
	}
	return nil
}

func checkLengths(kind Kind, data []byte, n int) error {
	if len(data) < 4*n {
		return fmt.Errorf("lengths of %d rows: %w", n, ErrTruncated)
	}
	values, at := data[4*n:], uint64(0)
	for i := range n {
		end := at + uint64(le.Uint32(data[4*i:]))
		if end > uint64(len(values)) {
			return fmt.Errorf("row %d ends at byte %d of %d: %w", i, end, len(values), ErrTruncated)
		}
		if kind == KindText && !utf8.Valid(values[at:end]) {
			return fmt.Errorf("row %d: str that is not UTF-8: %w", i, ErrMalformed)
		}
		at = end
	}
	return wantLen(values, int(at), n)
}

func checkAny(data []byte, n int) error {
	for i := range n {
		k, err := Skip(data)
		if err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		data = data[k:]
	}
	return wantLen(data, 0, n)
}

func checkTexts(data []byte, n int) error {
	for i := range n {
		text := data
		k := bytes.IndexByte(data, '\n')
		if last := i == n-1; last != (k < 0) {
			return fmt.Errorf("%d texts for %d rows: %w", bytes.Count(data, lf)+i+1, n, ErrMalformed)
		} else if !last {
			text, data = data[:k], data[k+1:]
		}
		if err := checkJSON(text); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}

// Index finds the rows of a checked column. Its zero value is ready for Set,
// and reusing one saves allocations.
type Index struct {
	kind  Kind // without Nullable
	n     int
	nulls []byte
	data  []byte
	width int      // of a row, for kinds of fixed width
	ends  []uint32 // otherwise: where row i ends in data
	gap   int      // bytes between two rows
}

// Set points the index at a column of n rows that [Column.Check] has passed.
func (x *Index) Set(c Column, n int) {
	x.kind, x.n, x.nulls, x.data = c.Kind&^Nullable, n, nil, c.Data
	x.ends, x.gap, x.width = x.ends[:0], 0, 0
	if c.Kind&Nullable != 0 {
		x.nulls, x.data = c.Data[:(n+7)/8], c.Data[(n+7)/8:]
	}
	switch x.kind {
	case KindBool:
		x.width = 1
	case KindInt, KindFloat:
		x.width = 8
	case KindStr:
		x.separated(0)
	case KindJSON:
		x.separated('\n')
	case KindText, KindBin:
		lengths := x.data
		x.data = x.data[4*n:]
		at := uint32(0)
		for i := range n {
			at += le.Uint32(lengths[4*i:])
			x.ends = append(x.ends, at)
		}
	case KindAny:
		at := 0
		for range n {
			k, _ := Skip(x.data[at:])
			at += k
			x.ends = append(x.ends, uint32(at))
		}
	}
}

// separated finds the ends of values that a byte joins.
func (x *Index) separated(sep byte) {
	x.gap = 1
	if cap(x.ends) < x.n {
		x.ends = make([]uint32, 0, x.n)
	}
	ends, data := x.ends, x.data
	// Values are mostly a few bytes long: a plain loop beats a call of IndexByte for each.
	for i, b := range data {
		if b == sep {
			ends = append(ends, uint32(i))
		}
	}
	x.ends = append(ends, uint32(len(data)))
}

// Kind returns the column's kind, without Nullable.
func (x *Index) Kind() Kind { return x.kind }

// Nullable tells whether rows may be nil by a bitmap.
func (x *Index) Nullable() bool { return x.nulls != nil }

// Null tells whether row i is nil by the bitmap.
func (x *Index) Null(i int) bool {
	return x.nulls != nil && x.nulls[i>>3]&(1<<(i&7)) != 0
}

// Row returns the bytes of row i.
func (x *Index) Row(i int) []byte {
	if x.width != 0 {
		return x.data[i*x.width : (i+1)*x.width]
	}
	if x.kind == KindNil {
		return nil
	}
	at := uint32(0)
	if i > 0 {
		at = x.ends[i-1] + uint32(x.gap)
	}
	return x.data[at:x.ends[i]]
}

// AppendValue appends row i as a msgpack value.
func (x *Index) AppendValue(dst []byte, i int) []byte {
	if x.Null(i) {
		return AppendNil(dst)
	}
	v := x.Row(i)
	switch x.kind {
	case KindBool:
		return AppendBool(dst, v[0] == 1)
	case KindInt:
		return AppendInt(dst, int64(le.Uint64(v)))
	case KindFloat:
		return AppendFloat(dst, math.Float64frombits(le.Uint64(v)))
	case KindStr, KindText:
		return AppendStr(dst, v)
	case KindBin:
		return AppendBin(dst, v)
	case KindAny:
		return append(dst, v...)
	case KindJSON:
		dst, _ = AppendJSON(dst, v) // checked before
		return dst
	}
	return AppendNil(dst)
}

// Hash returns the grouping hash of row i; scratch is as in [Hash].
func (x *Index) Hash(i int, scratch []byte) (uint64, []byte) {
	if !x.Null(i) {
		switch x.kind {
		case KindStr, KindText:
			return HashStr(x.Row(i)), scratch
		case KindInt:
			return HashInt(int64(le.Uint64(x.Row(i)))), scratch
		case KindFloat:
			return HashFloat(math.Float64frombits(le.Uint64(x.Row(i)))), scratch
		case KindBin:
			return HashBin(x.Row(i), scratch)
		}
	}
	value := x.AppendValue(nil, i)
	return Hash(value, scratch)
}

// Values decodes a checked column of n rows.
func (c Column) Values(n int) []any {
	var x Index
	x.Set(c, n)
	values := make([]any, n)
	for i := range values {
		values[i], _ = decode(x.AppendValue(nil, i))
	}
	return values
}

// WithoutJSON returns the column for a receiver that does not read kind 9.
func (c Column) WithoutJSON(n int) Column {
	if c.Kind != KindJSON {
		return c
	}
	var x Index
	x.Set(c, n)
	out := Column{Kind: KindAny}
	for i := range n {
		out.Data = x.AppendValue(out.Data, i)
	}
	return out
}
