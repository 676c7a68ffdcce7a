package shells

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/polybolt/polybolt/host/crash"
)

// StderrTail is how much of a child's stderr is kept for [Exit], in bytes.
const StderrTail = 64 << 10

// closedGrace is how long a child may live on after it closed its stdout:
// long enough for an interpreter on its way out.
const closedGrace = 2 * time.Second

// errEnded stands for a reason that was not given.
var errEnded = errors.New("we ended it")

// errClosedStdout is why a child is ended that lives on with its stdout closed.
var errClosedStdout = errors.New("it closed its stdout and went on running: nothing it does can be known any more")

// Child is a running process. Its methods may be called concurrently, also
// from its handlers, and do nothing once it is dead.
type Child struct {
	// Fixed by Start.
	spec    Spec
	program *program
	process *process
	stdin   *input
	stdout  *source
	stderr  *source
	pipes   [3]*pipe
	started time.Time

	dead    chan struct{} // closed when the process has exited
	done    chan struct{} // closed when Exited has returned
	streams crash.Group
	heard   atomic.Int64 // when it last wrote on stdout: nanoseconds since started
	unused  int          // bytes Output left over; written by the reader, read once streams is done

	mu   sync.Mutex
	why  error // why we end it; the first reason stands
	tail ring  // the end of its stderr
}

// Start starts a child and the goroutines that serve it. An error says what
// could not be started, and what to do; then no handler is called. The child
// sees nothing of our descriptors but its three pipes, and dies with us.
func Start(spec Spec) (*Child, error) {
	c := &Child{
		spec: spec,
		dead: make(chan struct{}),
		done: make(chan struct{}),
		tail: ring{size: StderrTail},
	}
	if err := c.start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	c.streams.Go(c.readStdout)
	c.streams.Go(c.readStderr)
	c.streams.Go(c.stdin.run)
	crash.Go(c.await) // waits for the others, and closes done
	return c, nil
}

func (c *Child) start() (err error) {
	if c.program, err = c.spec.program(); err != nil {
		return err
	}
	defer func() {
		for _, p := range c.pipes {
			if p == nil {
				continue
			}
			p.closeTheirs()
			if err != nil {
				p.close()
			}
		}
		if err != nil {
			c.close()
		}
	}()
	var files [3]uintptr
	for fd := range c.pipes {
		if c.pipes[fd], err = newPipe(fd != 0, fd != 2); err != nil {
			return fmt.Errorf("a pipe: %w", err)
		}
		files[fd] = uintptr(c.pipes[fd].theirs)
	}
	c.stdin = newInput(c.pipes[0].take())
	if c.stdout, err = newSource(c.pipes[1].take(), c.pipes[1].size); err != nil {
		return err
	}
	if c.stderr, err = newSource(c.pipes[2].take(), c.pipes[2].size); err != nil {
		return err
	}
	p := c.program
	c.started = time.Now()
	c.process, err = fork(p.path, p.argv, pairs(p.env), p.dir, files)
	if errors.Is(err, syscall.ENOEXEC) {
		return fmt.Errorf("%s is neither a program of this machine nor a script with a #! line: start it by its interpreter: %s", p.path, suggest(filepath.Base(p.path)))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	return nil
}

// close closes our ends of the streams.
func (c *Child) close() {
	if c.stdin != nil {
		c.stdin.abandon()
	}
	for _, s := range []*source{c.stdout, c.stderr} {
		if s != nil {
			s.close()
		}
	}
}

// PID returns the process id. It is reused by the system once the child is dead.
func (c *Child) PID() int { return c.process.pid }

// Started returns when the child was started.
func (c *Child) Started() time.Time { return c.started }

// Dead is closed as soon as the process has exited, before what it left in
// its pipes is read.
func (c *Child) Dead() <-chan struct{} { return c.dead }

// Done is closed after [Spec.Exited] has returned: then nothing of the child is left.
func (c *Child) Done() <-chan struct{} { return c.done }

// LastOutput returns when the child last wrote on stdout, as far as we have
// read; when it was started, if it wrote nothing.
func (c *Child) LastOutput() time.Time { return c.started.Add(time.Duration(c.heard.Load())) }

// Stderr returns the end of what the child wrote on stderr so far.
func (c *Child) Stderr() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tail.bytes()
}

// Write sends b to the child. It never blocks, and b may be reused when it
// returns: what the pipe does not take at once is copied to a queue without
// bound, so the caller bounds it by [Child.Queued]. Writes of several callers do not mix.
// What is written to a dead child is lost; its exit tells.
func (c *Child) Write(b []byte) { c.stdin.write(b) }

// Await tells that the child waits for what was last written to it, and will
// answer soon: its reader may look for that before it sleeps.
func (c *Child) Await() { c.stdout.awaited.Store(true) }

// Queued returns how many bytes wait for room in the pipe.
func (c *Child) Queued() int { return c.stdin.queued() }

// CloseInput closes the child's stdin after all that was written. What is
// written later is dropped.
func (c *Child) CloseInput() { c.stdin.close() }

// Signal sends sig to the child's process alone.
func (c *Child) Signal(sig syscall.Signal) { c.process.signal(sig, false) }

// SignalDescendant sends sig to the process pid, which says that it is the
// child: launchers (sh -c, uv run) start it as one of their own. It tells
// whether pid is the child's or that of one of its descendants; else nothing is sent.
func (c *Child) SignalDescendant(pid int, sig syscall.Signal) bool {
	return c.process.signalDescendant(pid, sig)
}

// Kill ends the child and all it started at once. The first reason given while
// it lives is in [Exit.Err].
func (c *Child) Kill(why error) {
	c.blame(why)
	c.process.killTree()
}

// blame notes why we end the child. Whoever comes after its death has not ended it.
func (c *Child) blame(why error) {
	select {
	case <-c.dead:
	default:
		c.fail(cmp.Or(why, errEnded))
	}
}

// fail notes what is wrong with the child, also with what it left behind.
func (c *Child) fail(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = cmp.Or(c.why, why)
}

// readStdout is the stdout goroutine.
func (c *Child) readStdout() {
	var in inbox
	silent := c.spec.Output == nil
	for {
		n, err := c.stdout.read(in.space())
		if n > 0 {
			c.heard.Store(int64(time.Since(c.started)))
			in.filled(n)
		}
		if silent {
			in = inbox{buf: in.buf} // read on, so that it is not held up on its way out
		}
		for more := !silent; more && in.ready(); {
			used, want, err := c.spec.Output(in.unused())
			if err != nil {
				c.fail(err)
				c.process.killTree()
				silent = true
				break
			}
			in.take(used, want)
			more = used > 0 && want > 0 // otherwise only new bytes can help
		}
		if err != nil {
			c.unused = len(in.unused())
			break
		}
	}
	// The stream has ended. A child that is on its way out is given a moment.
	select {
	case <-c.dead:
	case <-time.After(closedGrace):
		c.Kill(errClosedStdout)
	}
}

// await is the goroutine that waits for the process, and then ends the others.
func (c *Child) await() {
	c.process.wait()
	c.process.killRest(c.program.mark())
	out := c.process.reap()
	ended := time.Now()
	close(c.dead)
	c.stdin.abandon()
	c.stdout.end()
	c.stderr.end()
	c.streams.Wait()
	c.close()
	for _, p := range c.pipes {
		p.close()
	}
	if c.spec.Exited != nil {
		c.spec.Exited(c.exit(out, ended))
	}
	close(c.done)
}

func (c *Child) exit(out outcome, ended time.Time) Exit {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := Exit{
		Name: c.spec.Name, PID: c.process.pid,
		Command: c.program.argv, Dir: c.program.dir, Interpreter: c.program.interpreter,
		Started: c.started, Ended: ended,
		Err: c.why, Stderr: c.tail.bytes(), Unused: c.unused,
	}
	e.set(out)
	return e
}
