package plugin

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// lines logs what a plugin writes, line by line.
type lines struct {
	log  *slog.Logger
	says string // the message

	mu   sync.Mutex
	rest []byte // guarded by mu
}

// maxPluginLine bounds a line, in bytes.
const maxPluginLine = 8 << 10

// Write implements [io.Writer].
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		next := end + 1
		if end < 0 && len(l.rest) > maxPluginLine {
			end, next = maxPluginLine, maxPluginLine // the rest of it is a line of its own
		}
		if end < 0 {
			return len(b), nil
		}
		if text := strings.TrimSpace(strings.ToValidUTF8(string(l.rest[:end]), "\ufffd")); text != "" {
			l.log.Info(l.says, "line", text)
		}
		l.rest = l.rest[next:]
	}
}
