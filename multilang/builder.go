package multilang

import (
	"math"
	"unicode/utf8"
)

// Builder gathers rows into a column. It takes values of any kind: where they
// do not go together the column becomes [KindAny]. The zero Builder is empty.
type Builder struct {
	kind  Kind // without Nullable; 0 while there are no rows
	n     int
	data  []byte // joined kinds: every value is followed by its separator
	lens  []byte // of Text and Bin
	nulls []byte // bitmap; nil until a row is nil
}

// Reset empties the builder and keeps its memory.
func (b *Builder) Reset() {
	b.kind, b.n, b.data, b.lens, b.nulls = 0, 0, b.data[:0], b.lens[:0], nil
}

// Len returns the number of rows.
func (b *Builder) Len() int { return b.n }

// Size returns the bytes that the column will take on the wire, nearly.
func (b *Builder) Size() int { return len(b.data) + len(b.lens) + len(b.nulls) }

// Add appends row i of a column.
func (b *Builder) Add(x *Index, i int) {
	if x.kind != b.kind || x.nulls != nil {
		b.addOther(x, i)
		return
	}
	b.put(x.Row(i))
}

// put appends a value of the builder's own kind.
func (b *Builder) put(v []byte) {
	b.data = append(b.data, v...)
	switch b.kind {
	case KindStr:
		b.data = append(b.data, 0)
	case KindText, KindBin:
		b.lens = le.AppendUint32(b.lens, uint32(len(v)))
	case KindJSON:
		b.data = append(b.data, '\n')
	}
	b.n++
	if b.nulls != nil && b.n > 8*len(b.nulls) {
		b.nulls = append(b.nulls, 0)
	}
}

func (b *Builder) addOther(x *Index, i int) {
	if x.kind == KindNil || x.Null(i) {
		b.addNil()
		return
	}
	if b.become(x.kind); b.kind == x.kind || b.kind == KindText && x.kind == KindStr {
		b.put(x.Row(i))
		return
	}
	b.data = x.AppendValue(b.data, i)
	b.n++
}

func (b *Builder) addNil() {
	switch b.kind {
	case 0:
		b.kind = KindNil
		b.n++
		return
	case KindNil:
		b.n++
		return
	case KindAny:
		b.put([]byte{0xc0})
		return
	case KindJSON:
		b.put([]byte("null"))
		return
	}
	b.put(filler[:b.width()])
	for len(b.nulls) < (b.n+7)/8 {
		b.nulls = append(b.nulls, 0)
	}
	b.nulls[(b.n-1)>>3] |= 1 << ((b.n - 1) & 7)
}

var filler [8]byte

// width is what a row takes in data at least.
func (b *Builder) width() int {
	switch b.kind {
	case KindBool:
		return 1
	case KindInt, KindFloat:
		return 8
	}
	return 0
}

// become makes the builder fit for values of a kind.
func (b *Builder) become(k Kind) {
	switch {
	case b.kind == k || b.kind == KindAny || b.kind == KindText && k == KindStr:
	case b.kind == 0:
		b.kind = k
	case b.kind == KindNil:
		n := b.n
		b.kind, b.n = k, 0
		for range n {
			b.addNil()
		}
	case b.kind == KindStr && k == KindText:
		b.convert(KindText)
	default:
		b.convert(KindAny)
	}
}

// convert writes the rows so far anew, as Text or as Any.
func (b *Builder) convert(k Kind) {
	var x Index
	x.Set(b.Column(), b.n)
	to := Builder{kind: k, nulls: b.nulls}
	if k == KindAny {
		to.nulls = nil
	}
	for i := range b.n {
		if k == KindText {
			to.put(x.Row(i))
		} else {
			to.data = x.AppendValue(to.data, i)
			to.n++
		}
	}
	*b = to
}

// AddValue appends a msgpack value that [Skip] has passed. A str that is not
// UTF-8 is taken as bytes.
func (b *Builder) AddValue(v []byte) {
	switch k := valueKind(v); k {
	case KindNil:
		b.addNil()
	case KindBool:
		b.addScalar(k, []byte{v[0] & 1}, v)
	case KindInt:
		i, _ := intValue(v)
		b.addScalar(k, le.AppendUint64(nil, uint64(i)), v)
	case KindFloat:
		f, _ := floatValue(v)
		b.addScalar(k, le.AppendUint64(nil, math.Float64bits(f)), v)
	case KindStr, KindText:
		s, _ := strValue(v)
		b.addScalar(k, s, v)
	case KindBin:
		s, _ := binValue(v)
		if s == nil {
			s, _ = strValue(v)
		}
		b.addScalar(k, s, v)
	default:
		b.become(KindAny)
		b.data, _ = canonical(b.data, v)
		b.n++
	}
}

// addScalar appends a value, given as its bytes in a column of its kind and as msgpack.
func (b *Builder) addScalar(k Kind, raw, v []byte) {
	b.become(k)
	if b.kind != KindAny {
		b.put(raw)
		return
	}
	b.data = canonicalScalar(b.data, v)
	b.n++
}

// valueKind returns the narrowest kind for a value.
func valueKind(v []byte) Kind {
	switch v[0] {
	case 0xc0:
		return KindNil
	case 0xc2, 0xc3:
		return KindBool
	case 0xca, 0xcb:
		return KindFloat
	case 0xc4, 0xc5, 0xc6:
		return KindBin
	}
	if s, ok := strValue(v); ok {
		return strKind(s)
	}
	if _, ok := intValue(v); ok {
		return KindInt
	}
	return KindAny
}

func strKind(s []byte) Kind {
	if !utf8.Valid(s) {
		return KindBin
	}
	for _, c := range s {
		if c == 0 {
			return KindText
		}
	}
	return KindStr
}

// AddColumn appends all n rows of a checked column.
func (b *Builder) AddColumn(c Column, n int) {
	if b.n == 0 && c.Kind&Nullable == 0 || c.Kind == b.kind && b.nulls == nil {
		if b.addWhole(c, n) {
			return
		}
	}
	var x Index
	x.Set(c, n)
	for i := range n {
		b.Add(&x, i)
	}
}

// addWhole appends a column of the builder's own kind without looking at its rows.
func (b *Builder) addWhole(c Column, n int) bool {
	switch c.Kind {
	case KindStr:
		b.data = append(append(b.data, c.Data...), 0)
	case KindJSON:
		b.data = append(append(b.data, c.Data...), '\n')
	case KindText, KindBin:
		b.lens = append(b.lens, c.Data[:4*n]...)
		b.data = append(b.data, c.Data[4*n:]...)
	case KindNil, KindBool, KindInt, KindFloat, KindAny:
		b.data = append(b.data, c.Data...)
	default:
		return false
	}
	b.kind = c.Kind
	b.n += n
	return true
}

// Column returns the rows as a column, which is valid until the builder changes.
func (b *Builder) Column() Column {
	if b.nulls == nil && len(b.lens) == 0 {
		return Column{b.kind, b.values()}
	}
	data := append(append(append([]byte(nil), b.nulls...), b.lens...), b.values()...)
	return Column{b.wireKind(), data}
}

func (b *Builder) wireKind() Kind {
	if b.nulls != nil {
		return b.kind | Nullable
	}
	return b.kind
}

// values is data as it stands on the wire: without the last separator.
func (b *Builder) values() []byte {
	if (b.kind == KindStr || b.kind == KindJSON) && b.n > 0 {
		return b.data[:len(b.data)-1]
	}
	return b.data
}

// AppendExt appends the column as the ext that stands in a message's body.
func (b *Builder) AppendExt(dst []byte) []byte {
	v := b.values()
	dst = appendExtHeader(dst, int8(b.wireKind()), len(b.nulls)+len(b.lens)+len(v))
	return append(append(append(dst, b.nulls...), b.lens...), v...)
}

// AppendExt appends the column as the ext that stands in a message's body.
func (c Column) AppendExt(dst []byte) []byte {
	return append(appendExtHeader(dst, int8(c.Kind), len(c.Data)), c.Data...)
}
