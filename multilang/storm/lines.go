package storm

import "bytes"

// lines cuts the JSON form's stream into texts that a line "end" closes. Lines
// end with LF or CRLF. It keeps no bytes but the beginning of a text beyond
// the limit.
type lines struct {
	limit int

	scanned int    // bytes of the unused ones that hold no end
	skipped int    // bytes of a text beyond the limit that are gone; 0: none is being skipped
	head    []byte // what is kept of it
	midLine bool   // the skipped bytes end within a line
}

// headBytes is how much of a text beyond the limit is kept: enough for what it
// says about itself before its tuple.
const headBytes = 16 << 10

// piece is one text.
type piece struct {
	text []byte
	used int // bytes of the input, the end included; 0: more are needed
	size int // of a text beyond the limit, of which text is the beginning
}

// next returns the first text of buf, which begins with the bytes that the
// last call did not use.
func (l *lines) next(buf []byte) piece {
	if l.skipped > 0 {
		return l.skip(buf)
	}
	for at := l.scanned; ; {
		i := bytes.IndexByte(buf[at:], '\n')
		if i < 0 {
			l.scanned = at
			break
		}
		if isEnd(buf[at : at+i]) {
			l.scanned = 0
			return piece{text: buf[:at], used: at + i + 1}
		}
		at += i + 1
	}
	if len(buf) > l.limit {
		l.head = append(l.head[:0], buf[:min(len(buf), headBytes)]...)
		l.skipped, l.midLine = l.scanned, false
		rest := l.skip(buf[l.scanned:])
		rest.used += l.scanned
		l.scanned = 0
		return rest
	}
	return piece{}
}

func isEnd(line []byte) bool {
	return len(line) >= 3 && len(line) <= 4 && string(line[:3]) == "end" && (len(line) == 3 || line[3] == '\r')
}

// skip looks for the end of a text beyond the limit.
func (l *lines) skip(buf []byte) piece {
	at := 0
	for {
		i := bytes.IndexByte(buf[at:], '\n')
		if i < 0 {
			if rest := len(buf) - at; l.midLine || rest > 4 {
				l.midLine = true
				at = len(buf)
			}
			l.skipped += at
			return piece{used: at}
		}
		line := buf[at : at+i]
		at += i + 1
		if !l.midLine && isEnd(line) {
			p := piece{text: l.head, used: at, size: l.skipped + at}
			l.skipped = 0
			return p
		}
		l.midLine = false
	}
}
