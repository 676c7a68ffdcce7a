package shells

import (
	"bytes"
	"cmp"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxReason bounds the one line that stands for a whole stderr, in bytes.
const maxReason = 300

// errorLine is how Python, Node and many others begin the line that says what
// went wrong: TypeError: …, Error [ERR_MODULE_NOT_FOUND]: …, panic: ….
var errorLine = regexp.MustCompile(`^(?:Uncaught )?(?:[\w.$]*(?:Error|Exception|Warning|Interrupt|Exit)(?: \[\w+\])?|panic|fatal|fatal error)(?::|$)`)

// reason picks the line of a dead child's stderr that says what went wrong, else
// what the child told in another way, else the last line; empty if there is none of
// these. It need not be right always: the whole text stands beside it.
func reason(stderr []byte, said string) string {
	if _, rest, ok := bytes.Cut(stderr, []byte{'\n'}); ok && len(stderr) >= StderrTail {
		stderr = rest // the ring has cut the first line: a piece of it is no error line
	}
	var last, best string
	trace := false // inside a Python traceback, before its error line
	var lines Lines
	emit := func(b []byte) {
		line := string(b)
		text := strings.TrimSpace(line)
		if text == "" {
			return
		}
		last = text
		switch {
		case strings.HasPrefix(line, "Traceback (most recent call last):"):
			trace = true
		case trace && line[0] != ' ' && line[0] != '\t':
			best, trace = text, false // whatever it is called: Python puts it here
		case errorLine.MatchString(line):
			best = text
		}
	}
	lines.Write(stderr, emit)
	lines.Flush(emit)
	best = cmp.Or(best, said, last)
	if len(best) > maxReason {
		cut := maxReason
		for !utf8.RuneStart(best[cut]) {
			cut--
		}
		best = best[:cut] + "…"
	}
	return best
}
