package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

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
// them, on a terminal, the status. Its methods may be called concurrently.
type console struct {
	out      io.Writer
	size     func() (width, height int) // of the terminal; nil where there is none
	colour   bool
	name     map[topology.TaskID]string
	topology topology.Name

	wg   sync.WaitGroup
	done chan struct{}

	mu       sync.Mutex
	status   status
	shown    [][]span // the status as it was made last
	drawn    []int    // how many characters each of its lines has that stand on the screen
	stopping bool
	loops    map[topology.TaskID]bool // tasks that have been in a crash loop
}

func newConsole(top *topology.Topology) *console {
	c := &console{out: os.Stderr, name: map[topology.TaskID]string{}, loops: map[topology.TaskID]bool{}, topology: top.Name, done: make(chan struct{})}
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) && os.Getenv("TERM") != "dumb" {
		c.size = func() (int, int) {
			width, height, err := term.GetSize(fd)
			if err != nil || width < 20 || height < 5 {
				return 80, 24 // what a terminal has that does not know
			}
			return width, height
		}
		c.colour = os.Getenv("NO_COLOR") == ""
	}
	for _, t := range top.Tasks() {
		c.name[t.ID] = string(t.Component.ID)
		if t.Component.Parallelism > 1 {
			c.name[t.ID] = t.Name()
		}
	}
	return c
}

// start shows the status until stop.
func (c *console) start(snapshot func() worker.Snapshot) {
	every := plainEvery
	if c.size != nil {
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
	c.shown = nil
	if c.size != nil {
		c.write("\n") // between what was said and the summary
	}
}

func (c *console) refresh(s worker.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size == nil {
		c.write(c.status.line(s) + "\n")
		return
	}
	c.shown = c.status.table(s, c.topology, c.stopping)
	c.write("")
}

// write writes a text above the status, which it redraws, all at once so that
// nothing flickers. mu is held.
func (c *console) write(text string) {
	if c.size == nil {
		fmt.Fprint(c.out, text)
		return
	}
	width, height := c.size()
	var b strings.Builder
	b.WriteString(c.erase(width))
	b.WriteString(text)
	lines := c.shown
	if len(lines) >= height { // what is above the screen cannot be erased: the end matters most
		lines = lines[len(lines)-height+1:]
	}
	for _, l := range lines {
		painted := paint(l, width-1, false)
		c.drawn = append(c.drawn, utf8.RuneCountInString(painted))
		b.WriteString(paint(l, width-1, c.colour) + "\n")
	}
	fmt.Fprint(c.out, b.String())
}

// erase returns what removes the status from a screen of this width. If the
// screen is narrower than before, the terminal has broken its lines. mu is held.
func (c *console) erase(width int) string {
	rows := 0
	for _, n := range c.drawn {
		rows += max(1, (n+width-1)/width)
	}
	c.drawn = c.drawn[:0]
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", rows)
}

// print writes lines above the status.
func (c *console) print(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write(text + "\n")
}

// stops says that the run drains, and what else can be done.
func (c *console) stops() {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	c.note("stopping: finishing what is in flight (Ctrl-C again to end at once)")
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
		level = c.paint(red, "ERROR ")
	case l.Level == worker.LevelWarn:
		level = c.paint(yellow, "WARN ")
	default:
		level = "DEBUG "
	}
	c.said(l.Task, l.Component, level+harmless(strings.TrimRight(l.Text, "\r\n")))
}

// Failure shows an error with all that is known of it the first time, in a line after that.
func (c *console) Failure(f worker.Failure) {
	what := f.Message
	if f.Type != "" && f.Kind != "exit" {
		what = f.Type + ": " + f.Message
	}
	what = harmless(strings.TrimRight(what, "\r\n"))
	if f.Place != "" && (f.Traceback == "" || f.Count > 1) {
		what += " at " + f.Place
	}
	if f.Count > 1 {
		what += fmt.Sprintf(" (%d times so far)", f.Count)
	}
	for l := range strings.SplitSeq(harmless(strings.TrimRight(f.Traceback, "\n")), "\n") {
		if l != "" && f.Count <= 1 {
			what += "\n  " + l
		}
	}
	c.said(f.Task, f.Component, c.paint(red, "ERROR ")+what)
}

// State shows a task that is in trouble, and the first time what becomes of it.
func (c *console) State(s worker.TaskState) {
	if s.State != worker.Backoff || !strings.HasPrefix(s.Why, "crash loop") {
		return
	}
	why := harmless(s.Why)
	c.mu.Lock()
	if !c.loops[s.Task] {
		c.loops[s.Task] = true
		why += "\nit is tried again and again, with pauses of up to 30s; Ctrl-C ends the run"
	}
	c.mu.Unlock()
	c.said(s.Task, s.Component, c.paint(yellow, "WARN ")+why)
}

// said prints what comes from a task. Further lines stand below the first.
func (c *console) said(task topology.TaskID, component topology.ComponentID, text string) {
	name, ok := c.name[task]
	if !ok {
		name = string(component)
	}
	c.print(c.paint(faint, name+" | ") + strings.ReplaceAll(text, "\n", "\n  "))
}

func (c *console) paint(s style, text string) string {
	return paint([]span{{text, s}}, len(text), c.colour)
}

// harmless keeps a text from steering the terminal: what is no text is shown
// as Go writes it in strings.
func harmless(s string) string {
	bad := func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }
	if !strings.ContainsFunc(s, bad) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if bad(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
