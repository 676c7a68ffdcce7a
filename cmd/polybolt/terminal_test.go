package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// screen is as much of a terminal as the status needs: it takes what is
// written, and has lines of text on it. It panics at control characters that
// nobody should send.
type screen struct {
	width    int
	lines    []string // all there ever were: what has scrolled off is kept
	row, col int
	partial  string // an escape sequence that has only begun
}

func (s *screen) write(text string) {
	text, s.partial = s.partial+text, ""
	for text != "" {
		if text[0] == '\x1b' {
			end := strings.IndexFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
			if end < 0 {
				s.partial = text
				return
			}
			s.control(text[:end+1])
			text = text[end+1:]
			continue
		}
		r := []rune(text)[0]
		s.put(r)
		text = text[len(string(r)):]
	}
}

// control does what an escape sequence says.
func (s *screen) control(sequence string) {
	n, _ := strconv.Atoi(strings.Trim(sequence, "\x1b[ABCDEFGHIJKm")) // without a number: 0
	switch sequence[len(sequence)-1] {
	case 'A':
		s.row = max(0, s.row-max(n, 1))
	case 'J':
		s.lines[s.row] = string([]rune(s.lines[s.row])[:min(s.col, len([]rune(s.lines[s.row])))])
		s.lines = s.lines[:s.row+1]
	case 'H': // without numbers
		s.row, s.col = 0, 0
	case 'K':
		s.need()
		s.lines[s.row] = string([]rune(s.lines[s.row])[:min(s.col, len([]rune(s.lines[s.row])))])
	case 'h', 'l': // modes: another screen, the cursor
	case 'm':
	default:
		panic(fmt.Sprintf("nobody should send %q", sequence))
	}
}

func (s *screen) put(r rune) {
	switch r {
	case '\r':
		s.col = 0
		return
	case '\n':
		s.row++
		s.need()
		return
	}
	if r < ' ' {
		panic(fmt.Sprintf("nobody should send %q", r))
	}
	if s.col == s.width {
		s.row, s.col = s.row+1, 0
	}
	s.need()
	line := []rune(s.lines[s.row])
	for len(line) <= s.col {
		line = append(line, ' ')
	}
	line[s.col] = r
	s.lines[s.row] = string(line)
	s.col++
}

func (s *screen) need() {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, "")
	}
}

func (s *screen) text() string {
	var b strings.Builder
	for _, l := range s.lines {
		b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
	return b.String()
}

// onTerminal is a polybolt whose stdin, stdout and stderr are a terminal.
type onTerminal struct {
	t    *testing.T
	file *os.File
	cmd  *exec.Cmd
	done chan struct{}

	mu     sync.Mutex
	screen screen
}

func startOnTerminal(t *testing.T, dir string, width, height uint16, args ...string) *onTerminal {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "NO_COLOR=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: width, Rows: height})
	if err != nil {
		t.Fatal(err)
	}
	o := &onTerminal{t: t, file: file, cmd: cmd, done: make(chan struct{}), screen: screen{width: int(width), lines: []string{""}}}
	go func() {
		defer close(o.done)
		b := make([]byte, 4096)
		for {
			n, err := file.Read(b)
			o.mu.Lock()
			o.screen.write(string(b[:n]))
			o.mu.Unlock()
			if err != nil { // EIO when the last process that has the terminal is gone
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has usually ended
		<-o.done
		_ = file.Close()
	})
	return o
}

func (o *onTerminal) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.screen.text()
}

// shows waits until a text stands on the screen.
func (o *onTerminal) shows(text string) {
	o.t.Helper()
	defer func() {
		if o.t.Failed() {
			o.t.Logf("the screen:\n%s", o.text())
		}
	}()
	eventually(o.t, fmt.Sprintf("%q on the screen", text), func() bool { return strings.Contains(o.text(), text) })
}

// wait returns the exit code, once everything that was written is on the screen.
func (o *onTerminal) wait() int {
	o.t.Helper()
	select {
	case <-o.done:
	case <-time.After(patience):
		o.t.Fatalf("it has not ended; the screen:\n%s", o.text())
	}
	_ = o.cmd.Wait() // its state says more
	return o.cmd.ProcessState.ExitCode()
}

// slow is a topology that says things and, once all is said, goes on until
// the test makes the file that it waits for.
var slow = map[string]string{
	"topology.yaml": `
name: slow
spouts:
  numbers:
    command: [python3, numbers.py]
    config: {n: 60}
    output: [n]
bolts:
  wait:
    command: [python3, wait.py]
    parallelism: 2
    inputs: [numbers]
`,
	"numbers.py": `
import os, time
from polybolt import spout

@spout
def numbers(conf):
    yield from range(conf["n"])
    while not os.path.exists("enough"):
        time.sleep(0.01)

numbers.run()
`,
	"wait.py": `
import time
from polybolt import bolt

@bolt
def wait(n):
    time.sleep(0.05)
    if n % 10 == 3:
        print("a line that is much longer than the terminal is wide, which it breaks, of number", n, "\x1b[2J")

wait.run()
`,
}

func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shownTime is the running time in the status of slow.
var shownTime = regexp.MustCompile(`slow  0:[0-9][0-9]`)

// On a terminal the status stands once, below everything else, is redrawn in
// place, and is gone at the end.
func TestStatusOnTerminal(t *testing.T) {
	for _, width := range []uint16{100, 40} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			dir := writeFiles(t, slow)
			o := startOnTerminal(t, dir, width, 24, "run")
			o.shows("slow  0:0")
			first := shownTime.FindString(o.text())
			eventually(t, "another time in the status", func() bool {
				now := shownTime.FindString(o.text())
				return now != "" && now != first
			})
			text := o.text()
			if strings.Count(text, "ROWS/S") != 1 || strings.Count(text, "slow  0:") != 1 {
				t.Errorf("the status does not stand there once:\n%s", text)
			}
			if err := os.WriteFile(filepath.Join(dir, "enough"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if code := o.wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			text = o.text()
			for _, gone := range []string{"ROWS/S", "IN FLIGHT", "slow  0:"} {
				if strings.Contains(text, gone) {
					t.Errorf("the screen still has %q:\n%s", gone, text)
				}
			}
			if n := strings.Count(text, "wait["); n != 6 {
				t.Errorf("it has %d lines of wait, want 6:\n%s", n, text)
			}
			if !strings.HasSuffix(text, "\nacked 60 failed 0 dead 0\n\n") {
				t.Errorf("it does not end with the summary:\n%s", text)
			}
		})
	}
}

// Ctrl-C reaches every process that has the terminal. Once, it drains.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	o := startOnTerminal(t, writeFiles(t, slow), 100, 24, "run", "--set", "spouts.numbers.config.n=1000000", "--set", "config.max_pending=10")
	o.shows("slow  0:0")
	if _, err := o.file.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	if code := o.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	text := o.text()
	if !strings.Contains(text, "stopping: finishing what is in flight (Ctrl-C again to end at once)") || !strings.Contains(text, " failed 0 dead 0\n") {
		t.Errorf("it has not finished what was in flight:\n%s", text)
	}
}

// A second Ctrl-C ends everything at once.
func TestSecondCtrlC(t *testing.T) {
	t.Parallel()
	files := map[string]string{"topology.yaml": slow["topology.yaml"], "numbers.py": slow["numbers.py"], "wait.py": strings.Replace(slow["wait.py"], "time.sleep(0.05)", "print('busy'); time.sleep(600)", 1)}
	o := startOnTerminal(t, writeFiles(t, files), 100, 24, "run")
	o.shows("| busy")
	for _, then := range []string{"stopping", ""} {
		if _, err := o.file.WriteString("\x03"); err != nil {
			t.Fatal(err)
		}
		if then != "" {
			o.shows(then)
		}
	}
	if code := o.wait(); code != exitAborted {
		t.Errorf("exit code %d, want %d", code, exitAborted)
	}
	if text := o.text(); !strings.Contains(text, "tuples were in flight and are not done") || strings.Contains(text, "ROWS/S") {
		t.Errorf("it does not say what was dropped:\n%s", text)
	}
}
