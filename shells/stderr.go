package shells

import (
	"errors"
	"fmt"
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
		gate  flood
		buf   = make([]byte, 8<<10)
		timed bool // a deadline is set
	)
	tell := func(missed int) {
		if missed > 0 {
			log(fmt.Appendf(nil, "[%d lines suppressed: more than %d a second]", missed, floodLineRate))
		}
	}
	emit := func(line []byte) {
		if ok, missed := gate.admit(time.Now(), len(line)); ok {
			tell(missed)
			log(line)
		}
	}
	for {
		n, err := c.stderr.read(buf)
		if n > 0 {
			c.mu.Lock()
			c.tail.write(buf[:n])
			c.mu.Unlock()
			lines.Write(buf[:n], emit)
		}
		if err != nil {
			lines.Flush(emit)
			tell(gate.take())
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
		}
		if wait := lines.Pending() || gate.missed > 0; wait || timed {
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
