package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/polybolt/polybolt/host"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/shells"
)

// runFlags are the flags of run.
type runFlags struct {
	flux    fluxFlags
	set     []string
	dead    string
	format  string
	time    time.Duration
	drain   time.Duration
	scratch string
	ui      string
}

// anyPort is where the page of a run is served if nobody says otherwise.
const anyPort = "127.0.0.1:0"

// setHelp is the help of --set, in every command that has it.
const setHelp = "set a value of the topology, `PATH=VALUE`, as in spouts.lines.config.path=x"

func (f *runFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.set, "set", nil, setHelp)
	f.flux.add(c)
	c.Flags().DurationVar(&f.time, "for", 0, "stop after this `TIME`, such as 10s, as if by Ctrl-C")
	c.Flags().DurationVar(&f.drain, "drain", 0, "when it is to end, give up what is in flight once nothing of it got done for this `TIME` (default: message_timeout and 10s more)")
	c.Flags().StringVarP(&f.format, "output", "o", "table", "the `FORMAT` of the summary: table or json")
	c.Flags().StringVar(&f.ui, "ui", "", "serve the web page of the run, on this machine alone: on any port, or at --ui=`HOST:PORT`")
	c.Flags().Lookup("ui").NoOptDefVal = anyPort
	c.Flags().StringVar(&f.dead, "dead", "", "append tuples that are given up to this `FILE` (default: dead.jsonl in the state folder)")
}

func newRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [FILE|DIR]",
		Short: "Run a topology on this machine, with nothing else needed",
		Long: `Runs a topology (by default ./topology.yaml) on this machine until its spouts have
finished and every tuple is done. Ctrl-C stops the spouts and finishes what is in
flight; what does not get done within --drain is given up, as are tuples whose retries
are used up. A second Ctrl-C ends everything at once.

With --ui, a web page shows the run while it lasts: open the URL that is printed.

What components log goes to stderr, the summary to stdout. Exit codes: 0 every
tuple was acked in the end, 1 failure, 2 invalid topology, 3 some tuple was given
up or failed back to its spout, 130 a second Ctrl-C.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, _ []string) error { return runGuarded() },
	}
	f.add(c)
	completeFlag(c, "output", "table", "json")
	c.ValidArgsFunction = completeTopology
	return c
}

// runGuarded runs the same command line once more, below a guardian: then
// nothing that a component started can outlive this process, not even if it is
// killed.
func runGuarded() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "polybolt-run-*")
	if err != nil {
		return err
	}
	args := slices.Clone(os.Args)
	at := 1 + slices.Index(args[1:], "run") // whatever the program itself is called
	args = slices.Replace(args, at, at+1, runHere, "--scratch="+scratch)
	cmd := exec.Command(self, args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	guarded, err := shells.Guard(cmd, shells.GuardOptions{Lifeline: true, Scratch: scratch})
	if err != nil {
		// A guardian that could not be started removes nothing.
		return errors.Join(err, os.RemoveAll(scratch))
	}
	done := make(chan error, 1)
	go func() { done <- guarded.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = guarded.Signal(s) // it may be gone by now, which done will tell
		case err := <-done:
			return howItEnded(err, scratch)
		}
	}
}

// howItEnded takes what the guardian's end was. One that was ended by a signal
// says nothing, and its exit code tells of a run that was: 128 and the signal's
// number. 130 is the run's own.
func howItEnded(err error, scratch string) error {
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return err
	}
	if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		err := fmt.Errorf("the guardian of the run was ended by %s, and the run with it: what components had started in sessions of their own may still be there", unix.SignalName(status.Signal()))
		return exit{exitFailure, errors.Join(err, os.RemoveAll(scratch))}
	}
	code := ended.ExitCode()
	if code <= 128 || code == exitAborted {
		return exit{code: code}
	}
	sig := syscall.Signal(code - 128)
	if sig == syscall.SIGPIPE {
		return exit{code: code} // whoever read what it prints has had enough: nothing to be said, as of any program
	}
	err = fmt.Errorf("the run was ended by %s", unix.SignalName(sig))
	if sig == syscall.SIGKILL {
		err = fmt.Errorf("%w, which did not come from us: most often the kernel sends it when memory runs out (dmesg tells)", err)
	}
	return exit{code, err}
}

// runHere is the hidden command that does the running.
const runHere = "run-here"

func newRunHere() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:    runHere + " [FILE|DIR]",
		Hidden: true,
		Args:   usage(cobra.MaximumNArgs(1)),
		RunE:   func(_ *cobra.Command, args []string) error { return runLocal(argOr(args, "."), f) },
	}
	f.add(c)
	c.Flags().StringVar(&f.scratch, "scratch", "", "folder for what components keep; who gives it removes it")
	return c
}

func argOr(args []string, fallback string) string {
	if len(args) > 0 {
		return args[0]
	}
	return fallback
}

// overrides parses the --set flags.
func overrides(set []string) ([]topology.Option, error) {
	var options []topology.Option
	for _, s := range set {
		path, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, exit{exitUsage, fmt.Errorf("--set %s: write PATH=VALUE, as in --set spouts.lines.config.path=book.txt", s)}
		}
		options = append(options, topology.Set(path, value))
	}
	return options, nil
}

func runLocal(path string, f runFlags) error {
	if f.format != "table" && f.format != "json" {
		return exit{exitUsage, fmt.Errorf("--output %s: there are table and json", f.format)}
	}
	if f.time < 0 {
		return unusable("--for %v: a time cannot be negative", f.time)
	}
	bundle, err := f.flux.open(path, f.set)
	if err != nil {
		return err
	}
	page, err := f.page()
	if err != nil {
		return err
	}
	console := newConsole(bundle.Topology)
	if err := shells.WaitForTurn(); err != nil {
		console.note(fmt.Sprintf("the kernel keeps its usual scheduling (%v): latencies are somewhat longer", err))
	}
	local, err := host.NewLocal(host.LocalOptions{Bundle: bundle, Scratch: f.scratch, DeadFile: f.dead, Drain: f.drain, Observer: console, Page: page, Log: slog.New(slog.NewTextHandler(console, nil))})
	if err != nil {
		return err
	}
	if url := local.URL(); url != "" {
		console.note("the page of this run, until it ends: " + url)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	stop := onSignals(local.Drain, cancel, console)
	console.start(local.Snapshot)
	err = errors.Join(local.RunFor(ctx, f.time), local.Close())
	console.stop()
	stop()
	if f.format == "json" {
		err = errors.Join(err, summaryJSON(os.Stdout, local.Snapshot()))
	} else {
		err = errors.Join(err, summary(os.Stdout, local.Snapshot(), local.DeadFile))
	}
	switch s := local.Summary(); {
	case errors.Is(err, errAborted):
		return exit{code: exitAborted}
	case err != nil:
		return err
	case s.Dead > 0 || s.FailedBack > 0 || s.Abandoned > 0 || local.Snapshot().GivenUp != nil:
		return exit{code: exitUnfinished}
	}
	return nil
}

// page says how the web page of the run is served, if it is. Commands find it
// with --nimbus, and show the token that they show anyway.
func (f *runFlags) page() (p host.LocalPageOptions, err error) {
	if f.ui == "" {
		return p, nil
	}
	host.Version = version
	if local, err := host.IsLoopback(f.ui); err != nil || !local {
		return p, unusable("--ui=%s: write HOST:PORT of this machine alone, as in --ui=%s", f.ui, anyPort)
	}
	p.Listen = f.ui
	p.Token, err = ensureToken("")
	return p, err
}

// invalid gives problems with a topology the exit code for them.
func invalid(err error) error {
	var problems topology.Errors
	if errors.As(err, &problems) {
		return err
	}
	return exit{exitUsage, err}
}

var errAborted = errors.New("interrupted twice")

// onSignals drains at the first interrupt and aborts at the second. Call the
// returned function when the run is over.
func onSignals(drain func(), abort context.CancelCauseFunc, console *console) (stop func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case <-done:
				return
			case <-signals:
			}
			if first {
				console.stops()
				drain()
			} else {
				abort(errAborted)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
