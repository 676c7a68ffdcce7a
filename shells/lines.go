package shells

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// MaxLine is how much of one line is kept, in bytes as the child wrote them.
const MaxLine = 8 << 10

// Lines cuts a stream of text into lines that are safe to log. A line ends
// with a line feed, a carriage return (progress bars end theirs so), or both. Of a
// line beyond [MaxLine] the rest is dropped, which the line then says. What a
// terminal would obey, and what is not UTF-8, is made visible or taken out.
// The zero value is ready; it is not safe for concurrent use.
type Lines struct {
	part   []byte // of the line that has not ended, at most MaxLine
	cut    int    // bytes of it that were dropped
	cr     bool   // the last byte was a carriage return: a line feed now ends nothing
	pretty []byte // scratch
}

// Write takes the next piece of the stream, and calls emit for each line that
// ends in it. The line is valid only during the call.
func (l *Lines) Write(b []byte, emit func(line []byte)) {
	if l.cr && len(b) > 0 {
		l.cr = false
		if b[0] == '\n' {
			b = b[1:]
		}
	}
	for len(b) > 0 {
		line, rest, ended := bytes.Cut(b, []byte{'\n'})
		// A carriage return inside ends the line earlier. One at its end belongs to
		// the line feed, which may be in the next piece.
		if i := bytes.IndexByte(line, '\r'); i >= 0 && (i < len(line)-1 || !ended) {
			line, rest, ended = b[:i], b[i+1:], true
			if len(line) == 0 && len(l.part) == 0 {
				b = rest // progress bars begin with one, too
				continue
			}
			l.cr = len(rest) == 0
		} else if i >= 0 {
			line = line[:i]
		}
		l.add(line)
		if ended {
			l.end(emit)
		}
		b = rest
	}
}

// Flush ends a line that has begun: the stream ended, or fell silent.
func (l *Lines) Flush(emit func(line []byte)) {
	if l.Pending() {
		l.end(emit)
	}
}

// Pending tells whether a line has begun and not ended.
func (l *Lines) Pending() bool { return len(l.part) > 0 }

func (l *Lines) add(b []byte) {
	n := min(len(b), MaxLine-len(l.part))
	l.part = append(l.part, b[:n]...)
	l.cut += len(b) - n
}

func (l *Lines) end(emit func(line []byte)) {
	line := l.part
	if l.cut > 0 { // not in the middle of a character
		for i := 1; i < utf8.UTFMax && i <= len(line); i++ {
			if c := line[len(line)-i]; utf8.RuneStart(c) {
				if !utf8.FullRune(line[len(line)-i:]) {
					line = line[:len(line)-i]
					l.cut += i
				}
				break
			}
		}
	}
	if !plain(line) {
		l.pretty = printable(l.pretty[:0], line)
		line = l.pretty
	}
	if l.cut > 0 {
		line = fmt.Appendf(line, " … [%d more bytes of this line dropped]", l.cut)
	}
	emit(line)
	l.part, l.cut = l.part[:0], 0
}

// plain tells whether a line is printable ASCII, as most are.
func plain(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\t' {
			return false
		}
	}
	return true
}

// printable appends b with everything that is not text made harmless: colours
// and other terminal sequences go, the rest is written as an escape. (A line
// that moves the cursor, or turns the reading direction, can fake others.)
func printable(dst, b []byte) []byte {
	for len(b) > 0 {
		if n := terminalSequence(b); n > 0 {
			b = b[n:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1, r < ' ' && r != '\t', r == 0x7f:
			dst = fmt.Appendf(dst, `\x%02x`, b[0])
		case r == '\t', unicode.IsGraphic(r), r == 0x200c, r == 0x200d: // joiners: parts of words, and of emoji
			dst = append(dst, b[:n]...)
		case r > 0xffff:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
		b = b[n:]
	}
	return dst
}

// terminalSequence returns the length of the control sequence (ECMA-48: CSI,
// parameters, a final byte) or operating system command (OSC … BEL or ST) that b begins
// with, 0 if there is none that ends.
func terminalSequence(b []byte) int {
	if len(b) < 3 || b[0] != 0x1b {
		return 0
	}
	switch b[1] {
	case '[':
		for i := 2; i < len(b); i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return i + 1
			}
			if b[i] < 0x20 || b[i] > 0x3f {
				return 0
			}
		}
	case ']':
		if i := bytes.IndexByte(b, 0x07); i > 0 {
			return i + 1
		}
		if i := bytes.Index(b, []byte("\x1b\\")); i > 0 {
			return i + 2
		}
	}
	return 0
}
