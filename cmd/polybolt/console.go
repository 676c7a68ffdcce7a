package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

// How often the status is shown: on a terminal it is redrawn in place.
const (
	redrawEvery = 500 * time.Millisecond
	plainEvery  = 5 * time.Second
)

// console shows a run on stderr: lines and failures as they come, and below
// them, on a terminal, the status.
type console struct {
	out      io.Writer
	terminal bool
	colour   bool
	width    int
	name     map[topology.TaskID]string

	wg   sync.WaitGroup
	done chan struct{}

	mu     sync.Mutex
	status status
	drawn  int // lines of the status that stand on the screen
}

func newConsole(top *topology.Topology) *console {
	c := &console{out: os.Stderr, width: 100, name: map[topology.TaskID]string{}, done: make(chan struct{})}
	c.terminal = term.IsTerminal(int(os.Stderr.Fd()))
	c.colour = c.terminal && os.Getenv("NO_COLOR") == ""
	for _, t := range top.Tasks() {
		c.name[t.ID] = string(t.Component.ID)
		if t.Component.Parallelism > 1 {
			c.name[t.ID] = fmt.Sprintf("%s[%d]", t.Component.ID, t.Index)
		}
	}
	return c
}

// start shows the status until stop.
func (c *console) start(snapshot func() worker.Snapshot) {
	every := plainEvery
	if c.terminal {
		every = redrawEvery
	}
	c.wg.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-c.done:
				return
			case <-ticker.C:
				c.refresh(snapshot())
			}
		}
	})
}

// stop removes the status.
func (c *console) stop() {
	close(c.done)
	c.wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
}

func (c *console) refresh(s worker.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.terminal {
		fmt.Fprintln(c.out, c.status.line(s))
		return
	}
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 20 {
		c.width = w
	}
	c.erase()
	c.draw(c.status.table(s))
}

// draw writes the status; each of its lines is cut to the terminal.
func (c *console) draw(lines []string) {
	for _, l := range lines {
		if r := []rune(l); len(r) >= c.width {
			l = string(r[:c.width-1])
		}
		fmt.Fprintln(c.out, c.dim(l))
	}
	c.drawn = len(lines)
}

func (c *console) erase() {
	if c.drawn > 0 {
		fmt.Fprintf(c.out, "\x1b[%dA\x1b[J", c.drawn)
		c.drawn = 0
	}
}

// print writes above the status.
func (c *console) print(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	fmt.Fprintln(c.out, text)
	if c.terminal {
		c.draw(c.status.shown)
	}
}

// Write takes a line of our own log.
func (c *console) Write(b []byte) (int, error) {
	c.print(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

func (c *console) note(text string) { c.print("polybolt: " + text) }

// Line shows what a component said.
func (c *console) Line(l worker.Line) {
	level := ""
	switch {
	case l.Raw || l.Level == worker.LevelInfo:
	case l.Level >= worker.LevelError:
		level = c.red("ERROR ")
	case l.Level == worker.LevelWarn:
		level = c.yellow("WARN ")
	default:
		level = "DEBUG "
	}
	c.print(c.prefix(l.Task, string(l.Component)) + level + l.Text)
}

// Failure shows an error with all that is known of it the first time, in a line after that.
func (c *console) Failure(f worker.Failure) {
	var b strings.Builder
	b.WriteString(c.prefix(f.Task, string(f.Component)))
	what := f.Message
	if f.Type != "" && f.Kind != "exit" {
		what = f.Type + ": " + f.Message
	}
	b.WriteString(c.red("ERROR ") + what)
	if f.Place != "" && f.Traceback == "" {
		b.WriteString(" at " + f.Place)
	}
	if f.Count > 1 {
		fmt.Fprintf(&b, " (%d times so far)", f.Count)
	}
	for _, l := range strings.Split(strings.TrimRight(f.Traceback, "\n"), "\n") {
		if l != "" {
			b.WriteString("\n    " + l)
		}
	}
	c.print(b.String())
}

// State shows a task that is in trouble.
func (c *console) State(s worker.TaskState) {
	if s.State == worker.Backoff && strings.HasPrefix(s.Why, "crash loop") {
		c.print(c.prefix(s.Task, string(s.Component)) + c.yellow("WARN ") + s.Why)
	}
}

func (c *console) prefix(task topology.TaskID, component string) string {
	if n, ok := c.name[task]; ok {
		component = n
	}
	return c.dim(component+" | ") + ""
}

func (c *console) dim(s string) string    { return c.paint("2", s) }
func (c *console) red(s string) string    { return c.paint("31", s) }
func (c *console) yellow(s string) string { return c.paint("33", s) }

func (c *console) paint(code, s string) string {
	if !c.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
