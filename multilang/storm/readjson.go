package storm

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/polybolt/polybolt/multilang"
)

// maxJSONDepth bounds the recursion of the reader. Values nested deeper than
// [multilang.MaxDepth] are a problem of their message; beyond this one the text is not read at all.
const maxJSONDepth = 512

var errSyntax = errors.New("not JSON")

// jsonReader reads one JSON text. Values are appended to dst as msgpack.
// What JSON allows and a value of ours does not is noted in m.problem.
type jsonReader struct {
	text  []byte
	pos   int
	depth int
	dst   []byte
	m     *message
}

func (r *jsonReader) fail(why string) error {
	return fmt.Errorf("byte %d: %s: %w", r.pos, why, errSyntax)
}

// peek steps over blanks and returns the next byte, 0 at the end.
func (r *jsonReader) peek() byte {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) want(c byte) error {
	if r.peek() != c {
		return r.fail("no " + strconv.QuoteRune(rune(c)))
	}
	r.pos++
	return nil
}

// entries walks through an object.
func (r *jsonReader) entries(each func(key []byte) error) error {
	if err := r.want('{'); err != nil {
		return err
	}
	if r.peek() == '}' {
		r.pos++
		return nil
	}
	for {
		if r.peek() != '"' {
			return r.fail("no key")
		}
		key, err := r.str()
		if err == nil {
			err = r.want(':')
		}
		if err == nil {
			err = each(key)
		}
		if err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case '}':
			r.pos++
			return nil
		default:
			return r.fail("no comma")
		}
	}
}

// elements walks through an array.
func (r *jsonReader) elements(each func() error) error {
	if err := r.want('['); err != nil {
		return err
	}
	if r.peek() == ']' {
		r.pos++
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case ']':
			r.pos++
			return nil
		default:
			return r.fail("no comma")
		}
	}
}

// skip steps over a value, whatever it is.
func (r *jsonReader) skip() error {
	if r.peek() == '"' {
		_, err := r.str()
		return err
	}
	problem, n := r.m.problem, len(r.dst)
	err := r.value()
	r.m.problem, r.dst = problem, r.dst[:n]
	return err
}

// value reads one value and appends it to dst.
func (r *jsonReader) value() error {
	switch c := r.peek(); c {
	case '"':
		s, err := r.str()
		r.dst = multilang.AppendStr(r.dst, s)
		return err
	case '[':
		return r.list()
	case '{':
		return r.mapping()
	case 't':
		r.dst = multilang.AppendBool(r.dst, true)
		return r.word("true")
	case 'f':
		r.dst = multilang.AppendBool(r.dst, false)
		return r.word("false")
	case 'n':
		r.dst = multilang.AppendNil(r.dst)
		return r.word("null")
	case 'N':
		r.dst = multilang.AppendFloat(r.dst, math.NaN())
		return r.word("NaN")
	case 'I':
		r.dst = multilang.AppendFloat(r.dst, math.Inf(1))
		return r.word("Infinity")
	}
	return r.numeral()
}

func (r *jsonReader) word(w string) error {
	if len(r.text)-r.pos < len(w) || string(r.text[r.pos:r.pos+len(w)]) != w {
		return r.fail("not a value")
	}
	r.pos += len(w)
	return nil
}

// deeper enters a list or an object.
func (r *jsonReader) deeper() error {
	if r.depth++; r.depth > multilang.MaxDepth {
		r.m.wrong(fmt.Sprintf("a value is nested deeper than %d", multilang.MaxDepth))
	}
	if r.depth > maxJSONDepth {
		return r.fail("nested too deep")
	}
	return nil
}

// open makes room for the start of a list or map whose length is not known
// yet; shut writes it, and moves what follows to its place.
func (r *jsonReader) open() int {
	r.dst = append(r.dst, 0, 0, 0, 0, 0)
	return len(r.dst)
}

func (r *jsonReader) shut(at, n int, mapping bool) {
	var head []byte
	if mapping {
		head = multilang.AppendMap(make([]byte, 0, 5), n)
	} else {
		head = multilang.AppendArray(make([]byte, 0, 5), n)
	}
	start := at - 5
	copy(r.dst[start:], head)
	r.dst = append(r.dst[:start+len(head)], r.dst[at:]...)
}

func (r *jsonReader) list() error {
	if err := r.deeper(); err != nil {
		return err
	}
	at, n := r.open(), 0
	err := r.elements(func() error { n++; return r.value() })
	r.shut(at, n, false)
	r.depth--
	return err
}

func (r *jsonReader) mapping() error {
	if err := r.deeper(); err != nil {
		return err
	}
	at, n := r.open(), 0
	err := r.entries(func(key []byte) error {
		n++
		r.dst = multilang.AppendStr(r.dst, key)
		return r.value()
	})
	r.shut(at, n, true)
	r.depth--
	return err
}

// numeral reads a number: an int when it is written as one.
func (r *jsonReader) numeral() error {
	start, float := r.pos, false
	if r.pos < len(r.text) && r.text[r.pos] == '-' {
		if r.pos++; r.pos < len(r.text) && r.text[r.pos] == 'I' {
			r.dst = multilang.AppendFloat(r.dst, math.Inf(-1))
			return r.word("Infinity")
		}
	}
	digits := 0
scan:
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' || c == 'e' || c == 'E' || (c == '+' || c == '-') && float:
			float = true
		default:
			break scan
		}
	}
	s := string(r.text[start:r.pos])
	if digits == 0 {
		r.pos = start
		return r.fail("not a value")
	}
	if float || s == "-0" {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			r.pos = start
			return r.fail("not a number")
		}
		r.dst = multilang.AppendFloat(r.dst, f)
		return nil
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		r.m.wrong(fmt.Sprintf("the integer %.40s does not fit 64 bits: emit it as text", s))
	}
	r.dst = multilang.AppendInt(r.dst, i)
	return nil
}

// str reads a string: its bytes, which are those of the text if nothing in it is escaped.
func (r *jsonReader) str() ([]byte, error) {
	r.pos++
	start := r.pos
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; {
		case c == '"':
			r.pos++
			return r.text[start : r.pos-1], nil
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			return nil, r.fail("control character in a string")
		}
	}
	return nil, r.fail("string without end")
}

const escapes, escaped = `"\/bfnrt`, "\"\\/\b\f\n\r\t"

// escaped reads the rest of a string that has an escape at pos.
func (r *jsonReader) escaped(start int) ([]byte, error) {
	out := append(make([]byte, 0, 2*(r.pos-start)+32), r.text[start:r.pos]...)
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		r.pos++
		switch {
		case c == '"':
			return out, nil
		case c < 0x20:
			return nil, r.fail("control character in a string")
		case c != '\\':
			out = append(out, c)
			continue
		}
		if r.pos >= len(r.text) {
			break
		}
		c = r.text[r.pos]
		r.pos++
		if c == 'u' {
			char, err := r.unicode()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, char)
			continue
		}
		k := 0
		for k < len(escapes) && escapes[k] != c {
			k++
		}
		if k == len(escapes) {
			return nil, r.fail("bad escape")
		}
		out = append(out, escaped[k])
	}
	return nil, r.fail("string without end")
}

// unicode reads what follows \u: four digits, or a surrogate pair.
func (r *jsonReader) unicode() (rune, error) {
	char, ok := r.hex()
	if !ok {
		return 0, r.fail("bad escape")
	}
	if !utf16.IsSurrogate(char) {
		return char, nil
	}
	if r.pos+6 <= len(r.text) && r.text[r.pos] == '\\' && r.text[r.pos+1] == 'u' {
		back := r.pos
		r.pos += 2
		if low, ok := r.hex(); ok {
			if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
				return pair, nil
			}
		}
		r.pos = back
	}
	r.m.wrong("a string holds half a surrogate pair, which is no character: encode it as bytes, or leave it out")
	return utf8.RuneError, nil
}

func (r *jsonReader) hex() (rune, bool) {
	if r.pos+4 > len(r.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.text[r.pos:r.pos+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	r.pos += 4
	return rune(n), true
}
