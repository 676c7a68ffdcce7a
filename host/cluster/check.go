package cluster

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// checks collects what is wrong with a record.
type checks struct{ errs []error }

func (c *checks) that(ok bool, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf(format, args...))
	}
}

func (c *checks) err(err error) {
	if err != nil {
		c.errs = append(c.errs, err)
	}
}

// text bounds a text; what is shown to people is cut, never refused, where it is made.
func (c *checks) text(what, s string, limit int) {
	c.that(len(s) <= limit && utf8.ValidString(s), "%s has %d bytes, or is not UTF-8; the limit is %d", what, len(s), limit)
}

func (c *checks) number(what string, n, low, high int) {
	c.that(n >= low && n <= high, "%s is %d, and not from %d to %d", what, n, low, high)
}

func (c *checks) done() error { return errors.Join(c.errs...) }

// Cut shortens a text to a limit of bytes, at a character's end, for a record
// that must not grow.
func Cut(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	end := max(limit-len(mark), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}
