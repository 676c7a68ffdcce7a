package storm

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/polybolt/polybolt/multilang"
)

// errBytes is why a tuple cannot be told to a component of the JSON form.
var errBytes = errors.New("a value is bytes, which JSON cannot carry: emit text, or use storm-msgpack")

// jsonWriter writes values as JSON in ASCII alone: a child that reads its stdin
// in another encoding than UTF-8 gets the same text.
type jsonWriter struct {
	bareNaN bool
	base64  bool // bytes are written so; otherwise they are an error
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
			i++
		case c == '\n':
			dst = append(dst, '\\', 'n')
			i++
		case c < 0x80:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
		default:
			r, n := utf8.DecodeRuneInString(string(s[i:min(len(s), i+4)]))
			dst = appendEscape(dst, r)
			i += n
		}
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, r rune) []byte {
	if r >= 0x10000 {
		r -= 0x10000
		return appendEscape(appendEscape(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

func (w jsonWriter) appendFloat(dst []byte, f float64) []byte {
	switch {
	case !math.IsNaN(f) && !math.IsInf(f, 0):
		n := len(dst)
		dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
		for _, c := range dst[n:] {
			if c == '.' || c == 'e' {
				return dst
			}
		}
		return append(dst, '.', '0') // 3.0 stays a float
	case !w.bareNaN:
		return append(dst, "null"...)
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case f < 0:
		return append(dst, "-Infinity"...)
	}
	return append(dst, "Infinity"...)
}

// appendValue writes a decoded value; see [multilang.Decode] for its types.
func (w jsonWriter) appendValue(dst []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		return w.appendFloat(dst, v), nil
	case string:
		return appendString(dst, v), nil
	case []byte:
		if !w.base64 {
			return dst, errBytes
		}
		return appendString(dst, base64.StdEncoding.EncodeToString(v)), nil
	case time.Time:
		return appendString(dst, v.Format(time.RFC3339Nano)), nil
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = w.appendValue(dst, item); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case multilang.Map:
		return w.appendMap(dst, v)
	}
	panic("storm: a value of a type that Decode does not return")
}

// appendMap writes an object. Keys that are not text are written as JSON would
// show them, as Python's json does.
func (w jsonWriter) appendMap(dst []byte, m multilang.Map) ([]byte, error) {
	dst = append(dst, '{')
	var err error
	for i, p := range m {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch key := p.Key.(type) {
		case string:
			dst = appendString(dst, key)
		case []byte:
			return dst, errBytes
		case time.Time:
			dst = appendString(dst, key.Format(time.RFC3339Nano))
		default:
			dst = append(dst, '"')
			if dst, err = w.appendValue(dst, key); err != nil {
				return dst, err
			}
			dst = append(dst, '"')
		}
		dst = append(dst, ':')
		if dst, err = w.appendValue(dst, p.Value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}
