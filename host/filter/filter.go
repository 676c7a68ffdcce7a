// Package filter is the language of conditions on tuples, as `tap --where`
// takes them: comparisons of fields with literals and with each other, joined
// by and, or and not. A condition reads values and has no other effect, takes
// time linear in its own length and that of the values, and cannot fail: what
// cannot be compared is neither equal, nor less, nor greater.
//
//	condition  = part { "or" part }            also ||
//	part       = term { "and" term }           also &&
//	term       = "not" term | comparison       also !
//	comparison = operand [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains") operand ]
//	operand    = field { "." key } | literal | "(" condition ")"
//	literal    = number | "text" | 'text' | true | false | nil
//
// A field is named as in the topology's file; one whose name is no word stands
// in backquotes. A key looks into a value that is a map; where there is none,
// the value is nil. An operand alone holds if it is not nil, false, 0 or empty.
package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a condition.
const (
	MaxLength = 4096 // bytes
	maxDepth  = 64   // of parentheses and of not
)

// Error says what is wrong with a condition, and where.
type Error struct {
	Text   string // of the condition
	Column int    // from 1, in characters
	What   string
}

// Error returns the message, below it the condition, and a mark at the place.
func (e *Error) Error() string {
	if e.Column == 0 || strings.ContainsFunc(e.Text, func(r rune) bool { return r < ' ' }) {
		return e.What
	}
	return fmt.Sprintf("column %d: %s\n  %s\n  %s^", e.Column, e.What, e.Text, strings.Repeat(" ", e.Column-1))
}

// Condition is a parsed condition. It is immutable; all may use it at once.
type Condition struct {
	root   node
	fields []string
}

// Parse reads a condition. An error is an *[Error].
func Parse(text string) (*Condition, error) {
	if len(text) > MaxLength {
		return nil, &Error{Text: text, What: fmt.Sprintf("the condition has %d bytes; the limit is %d", len(text), MaxLength)}
	}
	if !utf8.ValidString(text) {
		return nil, &Error{Text: text, What: "the condition is not UTF-8"}
	}
	p := &parser{lexer: lexer{text: text}}
	c := &Condition{}
	p.into = c
	err := p.next()
	if err == nil {
		c.root, err = p.condition(0)
	}
	if err == nil && p.token.kind != end {
		err = p.errorf("%s comes where the condition could end: join conditions by and, or", p.token)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Fields returns the fields that the condition reads, each once.
func (c *Condition) Fields() []string { return slices.Clone(c.fields) }

// Match tells whether the condition holds. value is asked for the value of
// Fields()[i], as package multilang decodes it.
func (c *Condition) Match(value func(i int) any) bool { return truth(c.root.value(value)) }

// field returns the number of a field.
func (c *Condition) field(name string) int {
	if i := slices.Index(c.fields, name); i >= 0 {
		return i
	}
	c.fields = append(c.fields, name)
	return len(c.fields) - 1
}
