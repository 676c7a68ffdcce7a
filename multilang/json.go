package multilang

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A kind 9 column carries JSON texts, because every language's standard
// library reads JSON at C speed. Only texts that mean the same everywhere are
// allowed: no bytes, no NaN, no -0, no int beyond 2^53, no lone surrogate.

// maxJSONInt is the largest int that JavaScript reads exactly from JSON.
const maxJSONInt = 1 << 53

// jsonReader checks one JSON text and, unless dst is nil, appends the same
// value as msgpack.
type jsonReader struct {
	text  []byte
	pos   int
	depth int
	dst   []byte
	write bool
}

// checkJSON checks one text of a kind 9 column.
func checkJSON(text []byte) error {
	r := jsonReader{text: text}
	return r.whole()
}

// AppendJSON appends one text of a kind 9 column as a msgpack value.
func AppendJSON(dst, text []byte) ([]byte, error) {
	r := jsonReader{text: text, dst: dst, write: true}
	if err := r.whole(); err != nil {
		return dst, err
	}
	return r.dst, nil
}

func (r *jsonReader) whole() error {
	if err := r.value(); err != nil {
		return err
	}
	if r.pos != len(r.text) {
		return r.fail("text goes on after the value")
	}
	return nil
}

func (r *jsonReader) fail(why string) error {
	return fmt.Errorf("JSON byte %d: %s: %w", r.pos, why, ErrMalformed)
}

// peek steps over blanks and returns the next byte, 0 at the end.
func (r *jsonReader) peek() byte {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case ' ', '\t', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) value() error {
	switch c := r.peek(); c {
	case '"':
		return r.str()
	case '[', '{':
		return r.container(c)
	case 't':
		return r.word("true", 0xc3)
	case 'f':
		return r.word("false", 0xc2)
	case 'n':
		return r.word("null", 0xc0)
	}
	return r.number()
}

func (r *jsonReader) word(w string, code byte) error {
	if len(r.text)-r.pos < len(w) || string(r.text[r.pos:r.pos+len(w)]) != w {
		return r.fail("not a value")
	}
	r.pos += len(w)
	if r.write {
		r.dst = append(r.dst, code)
	}
	return nil
}

// container reads a list or an object. The count is not known beforehand, so
// it is written in its longest form.
func (r *jsonReader) container(open byte) error {
	if r.depth++; r.depth > MaxDepth {
		return r.fail(fmt.Sprintf("nested deeper than %d", MaxDepth))
	}
	r.pos++
	code, end := byte(0xdd), byte(']')
	if open == '{' {
		code, end = 0xdf, '}'
	}
	at := len(r.dst)
	if r.write {
		r.dst = append(r.dst, code, 0, 0, 0, 0)
	}
	n := uint32(0)
	for first := true; ; first = false {
		c := r.peek()
		if c == end && first {
			break
		}
		if c == ',' && !first {
			r.pos++
		} else if c == end {
			break
		} else if !first {
			return r.fail("no comma")
		}
		if open == '{' {
			if err := r.key(); err != nil {
				return err
			}
		}
		if err := r.value(); err != nil {
			return err
		}
		n++
	}
	r.pos++
	r.depth--
	if r.write {
		be.PutUint32(r.dst[at+1:], n)
	}
	return nil
}

func (r *jsonReader) key() error {
	if r.peek() != '"' {
		return r.fail("no key")
	}
	if err := r.str(); err != nil {
		return err
	}
	if r.peek() != ':' {
		return r.fail("no colon")
	}
	r.pos++
	return nil
}

func (r *jsonReader) number() error {
	start, float := r.pos, false
scan:
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; {
		case c >= '0' && c <= '9' || c == '-' && r.pos == start:
		case c == '.' || c == 'e' || c == 'E' || (c == '+' || c == '-') && float:
			float = true
		default:
			break scan
		}
	}
	s := r.text[start:r.pos]
	if !jsonNumber(s) {
		r.pos = start
		return r.fail("not a value")
	}
	if float {
		return r.float(string(s), start)
	}
	i, err := strconv.ParseInt(string(s), 10, 64)
	if err != nil || i > maxJSONInt || i < -maxJSONInt || string(s) == "-0" {
		r.pos = start
		return r.fail("int that is not exact in JSON")
	}
	if r.write {
		r.dst = AppendInt(r.dst, i)
	}
	return nil
}

func (r *jsonReader) float(s string, start int) error {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f == 0 && math.Signbit(f) {
		r.pos = start
		return r.fail("float that is not exact in JSON")
	}
	if r.write {
		r.dst = AppendFloat(r.dst, f)
	}
	return nil
}

// jsonNumber tells whether s is a number by JSON's grammar, which is narrower than Go's.
func jsonNumber(s []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	if len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9' || !digits() {
		return false
	}
	if len(s) > 0 && s[0] == '.' {
		s = s[1:]
		if !digits() {
			return false
		}
	}
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(s) == 0
}

func (r *jsonReader) str() error {
	r.pos++
	start, plain := r.pos, true
	for {
		if r.pos >= len(r.text) {
			return r.fail("string without end")
		}
		c := r.text[r.pos]
		if c == '"' {
			break
		}
		if c < 0x20 {
			return r.fail("control character in a string")
		}
		if c == '\\' {
			plain = false
			r.pos++
		}
		r.pos++
	}
	raw := r.text[start:r.pos]
	r.pos++
	if !utf8.Valid(raw) {
		return r.fail("string that is not UTF-8")
	}
	if plain {
		if r.write {
			r.dst = AppendStr(r.dst, raw)
		}
		return nil
	}
	s, ok := unescape(raw)
	if !ok {
		return r.fail("bad escape in the string before")
	}
	if r.write {
		r.dst = AppendStr(r.dst, s)
	}
	return nil
}

func unescape(raw []byte) ([]byte, bool) {
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		if i >= len(raw) {
			return nil, false
		}
		if raw[i] == 'u' {
			r, n := unescapeRune(raw[i+1:])
			if n == 0 {
				return nil, false
			}
			out = utf8.AppendRune(out, r)
			i += n
			continue
		}
		k := -1
		for j := range len(from) {
			if from[j] == raw[i] {
				k = j
			}
		}
		if k < 0 {
			return nil, false
		}
		out = append(out, to[k])
	}
	return out, true
}

// unescapeRune reads what follows \u: four digits, or a surrogate pair. A lone
// surrogate is no character and has length 0.
func unescapeRune(b []byte) (rune, int) {
	hex := func(b []byte) rune {
		if len(b) < 4 {
			return -1
		}
		n, err := strconv.ParseUint(string(b[:4]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(n)
	}
	r := hex(b)
	if r < 0 {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(b) < 10 || b[4] != '\\' || b[5] != 'u' {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, hex(b[6:])); r == utf8.RuneError {
		return 0, 0
	}
	return r, 10
}
