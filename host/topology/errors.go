package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Error is one problem of a topology.
type Error struct {
	File   string      // as it was given to [Load], or the option that holds the problem, as in "--set PATH=VALUE"
	Pos    Pos         // zero where it is not known, as in an option
	Path   string      // of what is wrong, as --set takes it, such as bolts.count; empty if Msg says it all
	Source ComponentID // whose stream, or absence, the problem is about, beside what Path leads to; empty if none
	Msg    string      // one line that names the thing and says what to do
}

// Error returns FILE:LINE:COL: MESSAGE, the form that editors jump to.
func (e Error) Error() string {
	if e.Pos.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Pos.Line, e.Pos.Col, e.Msg)
}

// Errors are all problems of a topology, in the order of the file; those of options come last.
type Errors []Error

// Error returns one problem a line, without a line feed at the end.
func (e Errors) Error() string {
	var b strings.Builder
	for i, one := range e {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(one.Error())
	}
	return b.String()
}

// Unwrap returns each [Error], so that errors.As finds the first.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

const (
	maxReported  = 100  // problems: who has more reads the first and starts again
	maxCollected = 5000 // problems kept for sorting; a hostile file of 1 MiB could hold many more
	maxQuoted    = 60   // characters of a user's text in a message
)

// place is where a thing was written, and what to call it.
type place struct {
	option string // the option that said it; empty = the file
	Pos
	path   string      // as --set takes it, such as bolts.count.tick; empty = the message says it all
	source ComponentID // see [Error]
}

// in returns the place with a path.
func (p place) in(path string) place {
	p.path = path
	return p
}

// reading returns the place as that of a problem with what a component emits, or lacks.
func (p place) reading(source ComponentID) place {
	p.source = source
	return p
}

// where says a place within a sentence.
func (p place) where() string {
	if p.option != "" {
		return "in " + p.option
	}
	return fmt.Sprintf("in line %d", p.Line)
}

// problems collects what is wrong with one topology.
type problems struct {
	file string
	list []problem
	more int // found after list was full

	guesses int // see suggest
}

type problem struct {
	at  place
	msg string
}

// add reports a problem of what stands at a place. Text of the user belongs
// into the message through [quote].
func (p *problems) add(at place, format string, args ...any) {
	if len(p.list) == maxCollected {
		p.more++
		return
	}
	msg := fmt.Sprintf(format, args...)
	if at.path != "" {
		msg = at.path + ": " + msg
	}
	p.list = append(p.list, problem{at, msg})
}

// err returns the problems as [Errors], or nil if there are none.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b problem) int {
		return cmp.Or(
			cmp.Compare(a.at.option, b.at.option),
			cmp.Compare(a.at.Line, b.at.Line),
			cmp.Compare(a.at.Col, b.at.Col),
		)
	})
	// One anchor with a problem, used twice, says the same thing twice.
	list := slices.Compact(p.list)
	more := p.more + max(0, len(list)-maxReported)
	var out Errors
	for _, one := range list[:min(len(list), maxReported)] {
		file := p.file
		if one.at.option != "" {
			file = one.at.option
		}
		out = append(out, Error{File: file, Pos: one.at.Pos, Path: one.at.path, Source: one.at.source, Msg: one.msg})
	}
	if more > 0 {
		out = append(out, Error{File: p.file, Msg: fmt.Sprintf("and %d more problems", more)})
	}
	return out
}

// cut shortens a text, and tells whether it did.
func cut(s string) (string, bool) {
	n := 0
	for i := range s {
		if n == maxQuoted {
			return s[:i], true
		}
		n++
	}
	return s, false
}

// quote prints a user's text on one line, cut when it is long.
func quote(s string) string {
	s, long := cut(s)
	if long {
		return strconv.Quote(s) + "…"
	}
	return strconv.Quote(s)
}

// clip is quote without the quotes, for numbers and for advice on what to
// write: cut when long, with ? for what a terminal would obey.
func clip(s string) string {
	s, long := cut(s)
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if long {
		return s + "…"
	}
	return s
}
