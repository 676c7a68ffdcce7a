package shells

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guardianName is argv[0] of a guardian: what makes a process one, and what ps shows.
const guardianName = "polybolt: guardian of"

// Of the clearing up after a worker's death.
const (
	sweepEvery = 50 * time.Millisecond
	sweepLimit = 10 * time.Second // then what is left cannot be ended
)

// GuardianMain is a guardian's whole life, and returns at once in a process
// that is none. main calls it before anything else: a guardian has nothing to
// do with the rest of the program, and should stay as small as it starts.
func GuardianMain() {
	if len(os.Args) == 0 || os.Args[0] != guardianName {
		return
	}
	// The worker's parent-death signal follows this thread: it must not end.
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(10) // next to nothing is ever allocated
	os.Exit(guardianMain(os.Args[1:]))
}

// guardian is the parent of one worker, and, on Linux, of whatever the worker's
// descendants leave behind.
type guardian struct {
	worker   int      // process id
	parent   *os.File // takes the worker's process id, or why it has none
	lifeline *os.File // ends with our parent; nil: live on
	exitFile string
	scratch  string // removed at the very end; empty: nothing is

	signals chan os.Signal // to hand on; buffered, never closed
	deaths  chan os.Signal // SIGCHLD; capacity 1: one is as good as many
	exit    GuardExit
	code    int  // what to exit with
	over    bool // the worker is dead
}

// guardianMain takes the arguments that Guard makes, and returns the exit code.
func guardianMain(args []string) int {
	g, argv, passed, err := parseGuardian(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "polybolt: guardian:", err)
		return 2
	}
	becomeReaper()
	// Before the worker is there, so that no signal is lost. What was ignored
	// (nohup) stays ignored, here and in the worker. SIGPIPE is caught so that a
	// message to a supervisor that died does not end us before our work is done.
	for _, sig := range []os.Signal{unix.SIGPIPE, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2} {
		if !signal.Ignored(sig) {
			signal.Notify(g.signals, sig)
		}
	}
	signal.Notify(g.deaths, unix.SIGCHLD)
	if err := g.start(argv[0], argv[1:], passed); err != nil {
		// Our parent tells the user. If it cannot be told, it is gone, and with it the need.
		_, _ = io.WriteString(g.parent, err.Error())
		g.exit.Code, g.exit.Ended, g.exit.Why = 127, time.Now(), err.Error()
		g.record()
		g.removeScratch()
		return 127
	}
	_, _ = io.WriteString(g.parent, strconv.Itoa(g.worker))
	g.parent.Close()
	g.watch()
	g.removeScratch()
	return g.code
}

func (g *guardian) removeScratch() {
	if g.scratch == "" {
		return
	}
	if err := os.RemoveAll(g.scratch); err != nil {
		fmt.Fprintln(os.Stderr, "polybolt: guardian: a folder is left behind:", err)
	}
}

// parseGuardian reads: descriptors to pass on, lifeline, exit file, scratch, program, its argv.
func parseGuardian(args []string) (g *guardian, argv []string, passed int, err error) {
	if len(args) < 6 {
		return nil, nil, 0, errors.New("it is started by polybolt, not by hand")
	}
	if passed, err = strconv.Atoi(args[0]); err != nil || passed < 3 {
		return nil, nil, 0, fmt.Errorf("bad number of descriptors %q", args[0])
	}
	g = &guardian{
		exitFile: args[2],
		scratch:  args[3],
		parent:   os.NewFile(uintptr(passed), "parent"),
		signals:  make(chan os.Signal, 16),
		deaths:   make(chan os.Signal, 1),
	}
	// The worker must not hold its own lifeline, nor what we were given by
	// mistake. What is passed on is, by its number.
	closeOnExec()
	if args[1] == "true" {
		g.lifeline = os.NewFile(uintptr(passed+1), "lifeline")
	}
	return g, args[4:], passed, nil
}

// start starts the worker and lets go of what is the worker's alone.
func (g *guardian) start(path string, argv []string, passed int) (err error) {
	files := make([]uintptr, passed)
	for fd := range files {
		files[fd] = uintptr(fd)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	g.exit.Started = time.Now()
	g.worker, _, err = syscall.StartProcess(path, argv, &syscall.ProcAttr{
		Env: os.Environ(), Files: files, Sys: workerAttributes(),
	})
	if err != nil {
		return err
	}
	g.exit.PID = g.worker
	for fd := 3; fd < passed; fd++ {
		unix.Close(fd)
	}
	// Whoever reads the worker's output must see its end; stderr stays, for us.
	return errors.Join(dup2(int(null.Fd()), 0), dup2(int(null.Fd()), 1))
}

// watch waits for the worker's end, and then ends what it left.
func (g *guardian) watch() {
	var sweep, limit <-chan time.Time // nil while the worker lives
	cut := g.watchLifeline()
	for {
		select {
		case <-g.deaths:
			left := g.reap()
			if !left {
				return
			}
			if g.over && limit == nil {
				limit, sweep = time.After(sweepLimit), time.Tick(sweepEvery)
			}
			if g.over { // each death may hand us new children
				endAll(g.worker)
			}
		case <-sweep:
			endAll(g.worker)
		case <-limit:
			fmt.Fprintln(os.Stderr, "polybolt: guardian: some processes that the worker started could not be ended:", leftovers())
			return
		case sig := <-g.signals:
			g.signal(sig)
		case <-cut:
			cut = nil
			g.kill("the process that it belonged to ended")
		}
	}
}

// reap waits for all children that have ended, adopted ones included, and
// tells whether any is left.
func (g *guardian) reap() (left bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
		case err != nil: // ECHILD
			return false
		case pid == 0:
			return true
		case pid == g.worker && !g.over:
			g.workerDied(status)
		}
	}
}

// watchLifeline returns a channel that is closed when our parent is gone. The
// goroutine ends with the process.
func (g *guardian) watchLifeline() <-chan struct{} {
	if g.lifeline == nil {
		return nil
	}
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		// Nobody writes: whatever ends this, the parent has gone.
		_, _ = io.Copy(io.Discard, g.lifeline)
	}()
	return cut
}

func (g *guardian) signal(sig os.Signal) {
	switch {
	case sig == unix.SIGPIPE:
	case sig == unix.SIGUSR2:
		g.kill("it was told to")
	case !g.over:
		_ = unix.Kill(g.worker, sig.(syscall.Signal)) // it exists, if dead: this goroutine alone reaps it
	}
}

// kill ends the worker; its death does the rest.
func (g *guardian) kill(why string) {
	if !g.over {
		g.exit.Why = "ended by its guardian: " + why
		_ = unix.Kill(g.worker, unix.SIGKILL) // see signal
	}
}

func (g *guardian) workerDied(status unix.WaitStatus) {
	g.over = true
	g.exit.Ended = time.Now()
	g.exit.Code = status.ExitStatus()
	g.code = g.exit.Code
	if status.Signaled() {
		g.exit.Signal = signalName(status.Signal())
		g.code = 128 + int(status.Signal()) // as a shell tells it
	}
	g.record()
}

func (g *guardian) record() {
	if g.exitFile == "" {
		return
	}
	if err := g.exit.save(g.exitFile); err != nil {
		fmt.Fprintln(os.Stderr, "polybolt: guardian: cannot say how the worker ended:", err)
	}
}
