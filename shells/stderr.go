package shells

import (
	"errors"
	"os"
	"time"
)

// stderrQuiet is how long a line may stay unfinished, or a count of suppressed
// lines untold, when nothing more comes.
const stderrQuiet = time.Second

// readStderr is the stderr goroutine: it reads without pause, keeps the end,
// and hands lines on. Only a StderrLine that blocks keeps it from reading.
func (c *Child) readStderr() {
	log := c.spec.StderrLine
	if log == nil {
		log = func([]byte) {}
	}
	var (
		lines Lines
		gate  = NewGate(log)
		buf   = make([]byte, 8<<10)
		timed bool // a deadline is set
	)
	for {
		n, err := c.stderr.read(buf)
		if n > 0 {
			c.mu.Lock()
			c.tail.write(buf[:n])
			c.mu.Unlock()
			lines.Write(buf[:n], gate.Line)
		}
		if err != nil {
			lines.Flush(gate.Line)
			gate.Tell()
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
		}
		if wait := lines.Pending() || gate.flood.missed > 0; wait || timed {
			var deadline time.Time
			if wait {
				deadline = time.Now().Add(stderrQuiet)
			}
			timed = wait
			if c.stderr.file.SetReadDeadline(deadline) != nil {
				return // closed: the child is dead
			}
		}
	}
}
