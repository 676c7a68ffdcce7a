package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// Stacks are the stacks of a running child, as its language prints them.
type Stacks struct {
	PID     int    // 0: there is no child
	Runtime string // as the child says: "CPython 3.11.2"
	Text    string
}

// How stacks are got.
const (
	stacksPatience = 5 * time.Second        // for all of it
	stacksQuiet    = 300 * time.Millisecond // without a further line: that was all
	maxStacks      = 1 << 20                // bytes
	stacksSocket   = ".stacks"              // in the task's folder: PROTOCOL.md, features
)

// Stacks shows where the child of a task of this worker is, a busy one
// included, and does not disturb it. The error says why there is nothing to show.
func (w *Worker) Stacks(ctx context.Context, id topology.TaskID) (*Stacks, error) {
	var t *task
	for _, x := range w.allTasks() {
		if x.id == id {
			t = x
		}
	}
	if t == nil {
		return nil, fmt.Errorf("task %d does not run in this worker", id)
	}
	t.mu.Lock()
	v, hello, state, why := t.process, t.hello, t.state, t.why
	t.mu.Unlock()
	if v == nil {
		return nil, errors.New(strings.TrimSpace(fmt.Sprintf("it has no process: %s %s", state, why)))
	}
	s := &Stacks{PID: v.PID()}
	switch {
	case v.adapter != nil:
		return s, errors.New("it is written for Storm, whose protocol has no way to ask: look at the process (py-spy dump --pid PID)")
	case hello == nil:
		return s, errors.New("it has not spoken yet")
	case !hello.Has(multilang.FeatureStacks):
		return s, fmt.Errorf("%s cannot show them", hello.SDK)
	}
	s.Runtime = hello.Runtime
	ctx, cancel := context.WithTimeout(ctx, stacksPatience)
	defer cancel()
	text, err := readStacks(ctx, t.folder())
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		text, err = t.printStacks(ctx, v, hello)
	}
	s.Text = text
	return s, err
}

// readStacks asks a child at the socket in its folder.
func readStacks(ctx context.Context, folder string) (string, error) {
	at := filepath.Join(folder, stacksSocket)
	if runtime.GOOS == "linux" { // by way of a descriptor a path of any length fits
		dir, err := os.Open(folder)
		if err != nil {
			return "", err
		}
		defer dir.Close()
		at = fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), stacksSocket)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", at)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	text, err := io.ReadAll(io.LimitReader(conn, maxStacks))
	if err != nil || len(text) == 0 {
		return "", fmt.Errorf("it does not say where it is within %v: it may be in a call that does not return", stacksPatience)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), nil
}

// printStacks has a child print its stacks on stderr, and gathers them.
func (t *task) printStacks(ctx context.Context, v *voice, hello *multilang.Hello) (string, error) {
	if hello.StackSignal <= 0 || hello.StackSignal > 64 {
		return "", fmt.Errorf("%s names no signal that makes it show them", hello.SDK)
	}
	d := &dump{news: make(chan struct{}, 1)}
	if !t.dump.CompareAndSwap(nil, d) {
		return "", errors.New("somebody else is asking for them: try again")
	}
	defer t.dump.Store(nil)
	if !v.SignalDescendant(hello.PID, syscall.Signal(hello.StackSignal)) {
		return "", fmt.Errorf("it says that its pid is %d, which is no process that was started here: is it in a container of its own?", hello.PID)
	}
	quiet := time.NewTimer(stacksPatience)
	defer quiet.Stop()
	for {
		select {
		case <-d.news:
			quiet.Reset(stacksQuiet)
			continue
		case <-quiet.C:
		case <-v.Dead():
		case <-ctx.Done():
		}
		text := d.text()
		if text == "" {
			return "", fmt.Errorf("it printed nothing within %v", stacksPatience)
		}
		return text, nil
	}
}

// dump gathers what a child prints while it is asked for its stacks.
type dump struct {
	news chan struct{} // capacity 1

	mu    sync.Mutex
	lines []string // guarded by mu
	size  int      // guarded by mu: bytes
}

// stackLine is a line as CPython's faulthandler prints stacks: threads begin
// without indentation, frames stand below them.
var stackLine = regexp.MustCompile(`^(?:Current thread|Thread) 0x[0-9a-f]+.*\(most recent call first\):$|^  File ".*", line \d+ in |^  <no Python frame>$|^  \.\.\.$|^  Garbage-collecting$`)

// add takes a line.
func (d *dump) add(line []byte) {
	d.mu.Lock()
	if d.size += len(line) + 1; d.size <= maxStacks {
		d.lines = append(d.lines, string(line))
	}
	d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// text returns the stacks: if they have a form that is known, without what
// else the child printed meanwhile.
func (d *dump) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var known []string
	for _, l := range d.lines {
		if stackLine.MatchString(l) {
			if len(known) > 0 && !strings.HasPrefix(l, " ") {
				known = append(known, "")
			}
			known = append(known, l)
		}
	}
	if known == nil {
		known = d.lines
	}
	return strings.Join(known, "\n")
}
