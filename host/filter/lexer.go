package filter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind uint8

const (
	end    kind = iota
	name        // of a field: text
	value       // a literal
	symbol      // an operator, or a parenthesis: text
)

type token struct {
	kind  kind
	text  string
	value any
	at    int // in bytes
}

// String names the token in messages.
func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case value:
		return fmt.Sprintf("%#v", t.value)
	}
	return t.text
}

// words are symbols and literals that are written as words.
var words = map[string]token{
	"and": {kind: symbol, text: "and"}, "or": {kind: symbol, text: "or"}, "not": {kind: symbol, text: "not"}, "contains": {kind: symbol, text: "contains"},
	"true": {kind: value, value: true}, "True": {kind: value, value: true}, "false": {kind: value, value: false}, "False": {kind: value, value: false},
	"nil": {kind: value}, "null": {kind: value}, "None": {kind: value},
}

// symbols are the others, longer ones first, and what they mean.
var symbols = []struct{ text, means string }{
	{"==", "=="}, {"!=", "!="}, {"<=", "<="}, {">=", ">="}, {"&&", "and"}, {"||", "or"}, {"<", "<"}, {">", ">"}, {"!", "not"}, {"(", "("}, {")", ")"}, {".", "."},
}

// lexer cuts a condition into tokens.
type lexer struct {
	text string
	at   int // in bytes: what is before is read
}

// errorAt returns an error at a byte of the text.
func (l *lexer) errorAt(at int, format string, args ...any) *Error {
	return &Error{Text: l.text, Column: utf8.RuneCountInString(l.text[:at]) + 1, What: fmt.Sprintf(format, args...)}
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// take reads the next token.
func (l *lexer) take() (token, error) {
	l.at = len(l.text) - len(strings.TrimLeftFunc(l.text[l.at:], unicode.IsSpace))
	start, rest := l.at, l.text[l.at:]
	if rest == "" {
		return token{at: start}, nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '"' || r == '\'':
		return l.quoted(rest)
	case r == '`':
		text, _, closed := strings.Cut(rest[1:], "`")
		if !closed {
			return token{}, l.errorAt(start, "this name has no closing backquote")
		}
		l.at += len(text) + 2
		return token{kind: name, text: text, at: start}, nil
	case unicode.IsDigit(r), (r == '-' || r == '+') && len(rest) > 1 && (rest[1] >= '0' && rest[1] <= '9' || rest[1] == '.'):
		return l.number(rest)
	case isWord(r):
		n := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) })
		if n < 0 {
			n = len(rest)
		}
		l.at += n
		if t, ok := words[rest[:n]]; ok {
			t.at = start
			return t, nil
		}
		return token{kind: name, text: rest[:n], at: start}, nil
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s.text) {
			l.at += len(s.text)
			return token{kind: symbol, text: s.means, at: start}, nil
		}
	}
	if r == '=' {
		return token{}, l.errorAt(start, "= is no comparison: write ==")
	}
	return token{}, l.errorAt(start, "%q has no meaning here", r)
}

// number reads an int or a float.
func (l *lexer) number(rest string) (token, error) {
	n := 1
	for n < len(rest) && (isWord(rune(rest[n])) || rest[n] == '.' || (rest[n] == '-' || rest[n] == '+') && (rest[n-1] == 'e' || rest[n-1] == 'E')) {
		n++
	}
	t := token{kind: value, at: l.at}
	if i, err := strconv.ParseInt(rest[:n], 10, 64); err == nil {
		t.value = i
	} else if i, err := strconv.ParseInt(rest[:n], 0, 64); err == nil { // 0x1f, 1_000
		t.value = i
	} else if f, err := strconv.ParseFloat(rest[:n], 64); err == nil {
		t.value = f
	} else {
		return token{}, l.errorAt(l.at, "%s is no number", rest[:n])
	}
	l.at += n
	return t, nil
}

// escapes are what may follow a backslash in a text.
var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '0': 0, '\\': '\\', '"': '"', '\'': '\''}

// quoted reads a text.
func (l *lexer) quoted(rest string) (token, error) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == rest[0]:
			t := token{kind: value, value: b.String(), at: l.at}
			l.at += i + 1
			return t, nil
		case c == '\\' && i+1 < len(rest):
			i++
			plain, ok := escapes[rest[i]]
			if !ok {
				return token{}, l.errorAt(l.at+i-1, `\%c has no meaning: there are \n \t \r \0 \\ \" \'`, rest[i])
			}
			b.WriteByte(plain)
		default:
			b.WriteByte(c)
		}
	}
	return token{}, l.errorAt(l.at, "this text has no closing %c", rest[0])
}
