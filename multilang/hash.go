package multilang

import (
	"bytes"
	"math"
	"sort"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// The grouping hash of a value is over what it means, not how it is written:
// a float that is a whole number of at most 2^53 hashes as that int (JavaScript
// has no 3.0), so -0 as 0; all NaN are equal; bool, int, str and bytes differ
// from each other; a map hashes the same in any order of its keys; a
// timestamp by its instant. It is frozen: testdata/vectors/values.json.
//
// A str is the xxHash64 (seed 0) of its bytes. Any other value is the xxHash64
// of its canonical bytes: a tag, then the content as written below.
const (
	tagNil byte = iota
	tagFalse
	tagTrue
	tagInt   // 8 bytes, little-endian
	tagFloat // 8 bytes, IEEE 754, little-endian
	tagStr   // inside lists and maps: length (8 bytes), then the bytes
	tagBytes // length, then the bytes
	tagList  // number of values, then them
	tagMap   // number of entries, then key and value of each, sorted by the bytes of the key
	tagTime  // seconds (8 bytes), nanoseconds (4 bytes)
)

// Hash returns the grouping hash of a msgpack value that [Skip] has passed.
// scratch may be nil; the returned slice is to be passed to the next call.
func Hash(v, scratch []byte) (uint64, []byte) {
	if s, ok := strValue(v); ok && utf8.Valid(s) {
		return xxhash.Sum64(s), scratch
	}
	scratch, _ = hashBytes(scratch[:0], v)
	return xxhash.Sum64(scratch), scratch
}

// HashStr returns the grouping hash of a str.
func HashStr(s []byte) uint64 { return xxhash.Sum64(s) }

// HashInt returns the grouping hash of an int.
func HashInt(v int64) uint64 {
	var b [9]byte
	b[0] = tagInt
	le.PutUint64(b[1:], uint64(v))
	return xxhash.Sum64(b[:])
}

// HashFloat returns the grouping hash of a float.
func HashFloat(f float64) uint64 {
	var b [9]byte
	return xxhash.Sum64(appendHashFloat(b[:0], f))
}

// HashCombine folds the hash of one more field into that of the fields before it.
// The constants are those of xxHash64's own merge step.
func HashCombine(h, field uint64) uint64 {
	const prime1, prime4 = 11400714785074694791, 9650029242287828579
	return (h^(field*prime1))*prime1 + prime4
}

func appendHashFloat(dst []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
		return le.AppendUint64(append(dst, tagInt), uint64(int64(f)))
	}
	if f != f {
		f = math.NaN()
	}
	return le.AppendUint64(append(dst, tagFloat), math.Float64bits(f))
}

// hashBytes appends the canonical bytes of the value at the start of b and returns its length.
func hashBytes(dst, b []byte) ([]byte, int) {
	n, children, kind, _ := head(b)
	switch kind {
	case list:
		dst = le.AppendUint64(append(dst, tagList), uint64(children))
		for range children {
			var k int
			dst, k = hashBytes(dst, b[n:])
			n += k
		}
		return dst, n
	case mapping:
		return hashMap(dst, b, n, int(children/2))
	}
	return hashScalar(dst, b[:n]), n
}

func hashScalar(dst, v []byte) []byte {
	switch v[0] {
	case 0xc0:
		return append(dst, tagNil)
	case 0xc2:
		return append(dst, tagFalse)
	case 0xc3:
		return append(dst, tagTrue)
	}
	if i, ok := intValue(v); ok {
		return le.AppendUint64(append(dst, tagInt), uint64(i))
	}
	if f, ok := floatValue(v); ok {
		return appendHashFloat(dst, f)
	}
	if t, ok := timeValue(v); ok {
		dst = le.AppendUint64(append(dst, tagTime), uint64(t.Unix()))
		return le.AppendUint32(dst, uint32(t.Nanosecond()))
	}
	tag := tagStr
	s, ok := strValue(v)
	if !ok {
		s, _ = binValue(v)
	}
	if !ok || !utf8.Valid(s) { // a str that is no text travels as bytes
		tag = tagBytes
	}
	return append(le.AppendUint64(append(dst, tag), uint64(len(s))), s...)
}

func hashMap(dst, b []byte, n, entries int) ([]byte, int) {
	dst = le.AppendUint64(append(dst, tagMap), uint64(entries))
	start := len(dst)
	type entry struct{ at, key, end int } // in dst: the key is [at,key), the value [key,end)
	es := make([]entry, entries)
	for i := range es {
		var k int
		es[i].at = len(dst)
		dst, k = hashBytes(dst, b[n:])
		n += k
		es[i].key = len(dst)
		dst, k = hashBytes(dst, b[n:])
		n += k
		es[i].end = len(dst)
	}
	unsorted := bytes.Clone(dst[start:])
	sort.SliceStable(es, func(i, j int) bool {
		return bytes.Compare(unsorted[es[i].at-start:es[i].key-start], unsorted[es[j].at-start:es[j].key-start]) < 0
	})
	dst = dst[:start]
	for _, e := range es {
		dst = append(dst, unsorted[e.at-start:e.end-start]...)
	}
	return dst, n
}

// HashBin returns the grouping hash of bytes.
func HashBin(s, scratch []byte) (uint64, []byte) {
	scratch = append(le.AppendUint64(append(scratch[:0], tagBytes), uint64(len(s))), s...)
	return xxhash.Sum64(scratch), scratch
}
