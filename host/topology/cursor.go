package topology

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cursor is a front end's view of one value: what stands there, what should,
// and what to call it. Its methods read the value into a variable, or report
// what is wrong and leave the variable as it is.
type cursor struct {
	p     *problems
	n     *node
	key   place // of the key in front of the value, else of the value, with the path
	shape *shape
}

// here returns the place of the value itself.
func (c cursor) here() place {
	return c.n.at.in(c.key.path)
}

// fail reports a problem of the value.
func (c cursor) fail(format string, args ...any) {
	c.p.add(c.here(), format, args...)
}

// expected reports that the value is of another type. Without advice it says
// why a value that looks right is not.
func (c cursor) expected(what, advice string) {
	if advice == "" && c.n.trap != "" {
		advice = ": " + c.n.trap
	}
	c.mismatch(what, advice)
}

// mismatch is expected where the traps of YAML have nothing to do with it.
func (c cursor) mismatch(what, advice string) {
	c.fail("expected %s, found %s%s", what, c.n.found(), advice)
}

// item moves to an element of a list.
func (c cursor) item(i int) cursor {
	n := c.n.items[i]
	return cursor{c.p, n, n.at.in(fmt.Sprintf("%s.%d", c.key.path, i)), c.shape.elem}
}

// entry moves to the value of a key, which has that name and shape.
func (c cursor) entry(e entry, name string, s *shape) cursor {
	return cursor{c.p, e.value, e.key.at.in(join(c.key.path, name)), s}
}

// as returns the cursor with another shape for the same value.
func (c cursor) as(s *shape) cursor {
	c.shape = s
	return c
}

// empty reports whether nothing stands where nothing may.
func (c cursor) empty() bool {
	return c.shape.empty && c.n.kind == kindNull
}

// word reports whether the value is one of the words that stand for a value.
func (c cursor) word() bool {
	return c.n.kind == kindText && slices.Contains(c.shape.words, c.n.text)
}

// orWords ends the description of what was expected.
func (c cursor) orWords() string {
	if len(c.shape.words) == 0 {
		return ""
	}
	return " or " + strings.Join(c.shape.words, " or ")
}

// truth reads a boolean.
func (c cursor) truth(dst *bool) {
	if c.n.kind == kindBool {
		*dst = c.n.truth
		return
	}
	advice := ""
	if value, old := oldTruth(c.n.text); old && c.n.kind == kindText {
		advice = fmt.Sprintf(": write %t", value)
	}
	c.expected("true or false", advice)
}

// integer reads an integer between the bounds of its shape. A word means 0.
func (c cursor) integer(dst *int) {
	low, high := c.shape.min, c.shape.max
	switch {
	case c.word():
		*dst = 0
	case c.n.kind != kindInt || c.n.trap != "":
		c.expected("an integer"+c.orWords(), "")
	case c.n.whole < low || c.n.whole > high:
		c.fail("expected an integer from %d to %d%s, found %d", low, high, c.orWords(), c.n.whole)
	default:
		*dst = int(c.n.whole)
	}
}

// text reads a text. What it may hold is for [draft.check] to say.
func (c cursor) text(dst *string) bool {
	if c.n.kind == kindText {
		*dst = c.n.text
		return true
	}
	advice := ""
	if c.n.kind == kindBool || c.n.kind == kindInt || c.n.kind == kindFloat {
		advice = fmt.Sprintf(": quote it, %q", clip(c.n.text))
	}
	if c.n.kind == kindNull {
		advice = `: the empty text is ""`
	}
	c.expected("text", advice)
	return false
}

// oneWord reads one of the words of its shape. what says in a message what may stand there.
func (c cursor) oneWord(what string) (string, bool) {
	if c.word() {
		return c.n.text, true
	}
	advice := ""
	if c.n.kind == kindText {
		if near := nearest(c.n.text, c.shape.words); near != "" {
			advice = ", did you mean " + quote(near) + "?"
		}
	}
	c.expected(what, advice)
	return "", false
}

var durationForm = regexp.MustCompile(durationPattern)

// duration reads a duration in Go's syntax. A word means 0.
func (c cursor) duration(dst *time.Duration) {
	what := "a duration such as 30s, 1m30s or 500ms" + c.orWords()
	switch {
	case c.word():
		*dst = 0
		return
	case (c.n.kind == kindInt || c.n.kind == kindFloat) && c.n.trap == "":
		c.expected(what, fmt.Sprintf(`: it has no unit, write "%ss"`, clip(c.n.text)))
		return
	case c.n.kind == kindBool && !c.n.truth && len(c.shape.words) > 0:
		c.expected(what, ": write "+c.shape.words[0])
		return
	case c.n.kind != kindText || !durationForm.MatchString(c.n.text):
		c.mismatch(what, durationAdvice(c.n, c.shape.words))
		return
	}
	d, err := time.ParseDuration(c.n.text)
	if err != nil || d > maxDuration {
		c.fail("%s is too long, the limit is %s", quote(c.n.text), maxDuration)
		return
	}
	if d < minDuration {
		c.fail("%s is too short, the least is %s%s", quote(c.n.text), minDuration, c.orWords())
		return
	}
	*dst = d
}

var looseDuration = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+)$`)

// durationAdvice guesses what a text that is no duration was meant to be.
func durationAdvice(n *node, words []string) string {
	if near := nearest(n.text, words); near != "" {
		return ": write " + near
	}
	if value, old := oldTruth(n.text); old && !value {
		return ": it cannot be off, write a long one such as 24h"
	}
	m := looseDuration.FindStringSubmatch(n.text)
	if n.kind != kindText || m == nil {
		return ""
	}
	number, unit := m[1], strings.ToLower(m[2])
	if days, err := strconv.Atoi(number); err == nil && days < 1000 && (unit == "d" || unit == "day" || unit == "days") {
		return fmt.Sprintf(`: write "%dh"`, 24*days)
	}
	for _, u := range []string{"ms", "s", "m", "h"} {
		long := map[string]string{"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}[u]
		if unit == u || len(unit) > 1 && strings.HasPrefix(long, strings.TrimSuffix(unit, "s")) {
			return fmt.Sprintf(`: write "%s%s"`, number, u)
		}
	}
	return ""
}

var (
	sizeForm  = regexp.MustCompile(`^([0-9]+) ?((?:[kKMG]i?)?B)$`)
	sizeUnits = map[string]int64{
		"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "kiB": 1 << 10, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
	}
)

// size reads a number of bytes: an integer, or an integer with a unit.
func (c cursor) size(dst *int) {
	n := c.n.whole
	if c.n.kind != kindInt || c.n.trap != "" {
		m := sizeForm.FindStringSubmatch(c.n.text)
		if c.n.kind != kindText || m == nil {
			c.mismatch("a whole number of bytes, or one with its unit such as 16MiB", "")
			return
		}
		count, err := strconv.ParseInt(m[1], 10, 32)
		if err != nil {
			c.fail("%s is too large, the limit is %d bytes", quote(c.n.text), c.shape.max)
			return
		}
		n = count * sizeUnits[m[2]]
	}
	if n < c.shape.min || n > c.shape.max {
		c.fail("expected from %d to %d bytes, found %d", c.shape.min, c.shape.max, n)
		return
	}
	*dst = int(n)
}

// list checks that the value is a list of a good length.
func (c cursor) list(what, advice string) bool {
	if c.n.kind != kindList {
		c.expected("a list of "+what, advice)
		return false
	}
	return c.length(len(c.n.items), what)
}

// length checks the length of a list or map.
func (c cursor) length(n int, what string) bool {
	switch {
	case int64(n) < c.shape.min:
		c.fail("the list of %s is empty", what)
		return false
	case int64(n) > c.shape.max:
		c.fail("%d %s are more than the limit of %d", n, what, c.shape.max)
		return false
	}
	return true
}

// texts reads a list of texts and their places. What cannot be read is left
// out, and complete is false.
func (c cursor) texts(what, advice string) (out []string, at []place, complete bool) {
	if !c.list(what, advice) {
		return nil, nil, false
	}
	complete = true
	for i := range c.n.items {
		var s string
		item := c.item(i)
		if item.text(&s) {
			out, at = append(out, s), append(at, item.here())
		} else {
			complete = false
		}
	}
	return out, at, complete
}
