package multilang

import (
	"fmt"
	"math"
	"reflect"
	"sort"
	"time"
	"unicode/utf8"
)

// A value is nil, bool, int64, float64, string, []byte, []any, [Map] or
// [time.Time] (UTC).

// Pair is one entry of a [Map].
type Pair struct{ Key, Value any }

// Map is a map in the order of the wire. Its keys are scalars.
type Map []Pair

// Decode reads the value at the start of b and returns how long it is. A str
// that is not UTF-8 becomes a []byte.
func Decode(b []byte) (any, int, error) {
	n, err := Skip(b)
	if err != nil {
		return nil, 0, err
	}
	v, _ := decode(b[:n])
	return v, n, nil
}

// decode reads a value that Skip has passed; the recursion is bounded by MaxDepth.
func decode(b []byte) (any, int) {
	n, children, kind, _ := head(b)
	switch kind {
	case list:
		vs := make([]any, 0, min(int(children), 1024))
		for range children {
			v, k := decode(b[n:])
			vs = append(vs, v)
			n += k
		}
		return vs, n
	case mapping:
		m := make(Map, 0, min(int(children/2), 1024))
		for range children / 2 {
			key, k := decode(b[n:])
			val, l := decode(b[n+k:])
			m = append(m, Pair{key, val})
			n += k + l
		}
		return m, n
	}
	return decodeScalar(b[:n]), n
}

func decodeScalar(v []byte) any {
	switch v[0] {
	case 0xc0:
		return nil
	case 0xc2, 0xc3:
		return v[0] == 0xc3
	}
	if i, ok := intValue(v); ok {
		return i
	}
	if f, ok := floatValue(v); ok {
		return f
	}
	if s, ok := strValue(v); ok {
		if !utf8.Valid(s) {
			return append([]byte{}, s...)
		}
		return string(s)
	}
	if s, ok := binValue(v); ok {
		return append([]byte{}, s...)
	}
	t, _ := timeValue(v)
	return t.UTC()
}

// Append appends v in its shortest form. Besides the values it takes Go's
// other ints and floats, slices and maps of them; map[string]any is written with sorted keys.
func Append(dst []byte, v any) ([]byte, error) {
	return appendValue(dst, v, 0)
}

func appendValue(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return AppendNil(dst), nil
	case bool:
		return AppendBool(dst, v), nil
	case int64:
		return AppendInt(dst, v), nil
	case int:
		return AppendInt(dst, int64(v)), nil
	case float64:
		return AppendFloat(dst, v), nil
	case string:
		if !utf8.ValidString(v) {
			return dst, fmt.Errorf("string %q is not UTF-8", v)
		}
		return AppendStr(dst, v), nil
	case []byte:
		return AppendBin(dst, v), nil
	case time.Time:
		return AppendTime(dst, v), nil
	case Map:
		return appendMap(dst, v, depth)
	}
	return appendReflected(dst, reflect.ValueOf(v), depth)
}

func appendMap(dst []byte, m Map, depth int) ([]byte, error) {
	if depth >= MaxDepth {
		return dst, fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	dst = AppendMap(dst, len(m))
	var err error
	for _, p := range m {
		switch p.Key.(type) {
		case []any, Map:
			return dst, fmt.Errorf("map key %v is a list or a map", p.Key)
		}
		if dst, err = appendValue(dst, p.Key, depth+1); err != nil {
			return dst, err
		}
		if dst, err = appendValue(dst, p.Value, depth+1); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendReflected(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return AppendInt(dst, v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return dst, fmt.Errorf("int %d is beyond 64 signed bits", v.Uint())
		}
		return AppendUint(dst, v.Uint()), nil
	case reflect.Float32:
		return AppendFloat(dst, v.Float()), nil
	case reflect.Slice, reflect.Array:
		if depth >= MaxDepth {
			return dst, fmt.Errorf("nested deeper than %d", MaxDepth)
		}
		dst = AppendArray(dst, v.Len())
		var err error
		for i := range v.Len() {
			if dst, err = appendValue(dst, v.Index(i).Interface(), depth+1); err != nil {
				return dst, err
			}
		}
		return dst, nil
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			keys := v.MapKeys()
			sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
			m := make(Map, len(keys))
			for i, k := range keys {
				m[i] = Pair{k.String(), v.MapIndex(k).Interface()}
			}
			return appendMap(dst, m, depth)
		}
	}
	return dst, fmt.Errorf("%s is no value of the protocol", v.Type())
}

// canonical appends the value at the start of b in its shortest form, with
// every str that is not UTF-8 as a bin, and returns its length in b. b has passed Skip.
func canonical(dst, b []byte) ([]byte, int) {
	n, children, kind, _ := head(b)
	switch kind {
	case list:
		dst = AppendArray(dst, int(children))
	case mapping:
		dst = AppendMap(dst, int(children/2))
	default:
		return canonicalScalar(dst, b[:n]), n
	}
	for range children {
		var k int
		dst, k = canonical(dst, b[n:])
		n += k
	}
	return dst, n
}

func canonicalScalar(dst, v []byte) []byte {
	if i, ok := intValue(v); ok {
		return AppendInt(dst, i)
	}
	if f, ok := floatValue(v); ok {
		return AppendFloat(dst, f)
	}
	if s, ok := strValue(v); ok {
		if utf8.Valid(s) {
			return AppendStr(dst, s)
		}
		return AppendBin(dst, s)
	}
	if s, ok := binValue(v); ok {
		return AppendBin(dst, s)
	}
	if t, ok := timeValue(v); ok {
		return AppendTime(dst, t)
	}
	return append(dst, v...)
}
