// Command polybolt runs topologies of components written in any language, on
// this machine or on a cluster. `polybolt --help` lists what it does.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/shells"
)

// The exit codes of all commands.
const (
	exitFailure    = 1   // something went wrong
	exitUsage      = 2   // the command line, or the topology, is wrong
	exitUnfinished = 3   // a run ended, but the last outcome of some tuple is a failure
	exitAborted    = 130 // a second Ctrl-C
)

// exit is an error with an exit code. Without err nothing is printed.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

func main() {
	shells.GuardianMain() // does not return in a guardian
	if runtime.GOOS == "windows" {
		fmt.Fprintln(os.Stderr, "polybolt: Windows is not supported: it runs on Linux and, for development, on macOS (on Windows, use WSL)")
		os.Exit(exitFailure)
	}
	os.Exit(run(newRoot()))
}

func run(root *cobra.Command) int {
	err := root.Execute()
	if err == nil {
		return 0
	}
	code := exitFailure
	var coded exit
	if errors.As(err, &coded) {
		code = coded.code
		if coded.err == nil {
			return code
		}
	}
	var problems topology.Errors
	if errors.As(err, &problems) {
		fmt.Fprintln(os.Stderr, err)
		fmt.Fprintf(os.Stderr, "polybolt: %s\n", plural(len(problems), "problem"))
		return exitUsage
	}
	fmt.Fprintln(os.Stderr, "polybolt:", err)
	return code
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// newRoot builds the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "polybolt",
		Short:         "Stream processing for people who write Python and JavaScript",
		Long:          "Polybolt runs topologies: spouts and bolts written in any language, joined by streams,\nevery tuple tracked until it is done. Start with: polybolt new hello --lang python",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exit{exitUsage, fmt.Errorf("%w\nSee: %s --help", err, c.CommandPath())}
	})
	root.AddCommand(newRun(), newRunHere(), newNew(), newValidate(), newGraph(), newSchema(), newSDK(), newVersion(),
		newDev(), newNimbus(), newSupervisor(), newWorker(), newDeploy(), newList(), newKill())
	return root
}

// usage turns the error of an argument check into one with the right exit code.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return exit{exitUsage, fmt.Errorf("%w\nSee: %s --help", err, c.CommandPath())}
		}
		return nil
	}
}
