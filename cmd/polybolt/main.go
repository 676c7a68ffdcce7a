// Command polybolt runs topologies of components written in any language, on
// this machine or on a cluster. `polybolt --help` lists what it does.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
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
	var refused *api.Error
	if errors.As(err, &refused) && refused.Code == api.CodeUnauthorized {
		fmt.Fprintln(os.Stderr, "polybolt: --token-file or POLYBOLT_TOKEN_FILE names the file that holds the token")
	}
	return code
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// The groups of commands in the help.
const (
	groupDevelop = "develop"
	groupUse     = "use"
	groupServe   = "serve"
)

// groupOf says where commands stand in the help; one that is missing here stands below all groups.
var groupOf = map[string]string{
	"new": groupDevelop, "run": groupDevelop, "validate": groupDevelop, "graph": groupDevelop, "check": groupDevelop, "convert": groupDevelop, "dev": groupDevelop,
	"deploy": groupUse, "list": groupUse, "status": groupUse, "top": groupUse, "logs": groupUse, "errors": groupUse, "tap": groupUse, "stacks": groupUse, "loglevel": groupUse, "activate": groupUse,
	"deactivate": groupUse, "rebalance": groupUse, "kill": groupUse, "rollback": groupUse,
	"nimbus": groupServe, "supervisor": groupServe, "logview": groupServe, "doctor": groupServe,
}

// newRoot builds the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "polybolt",
		Short: "Stream processing for people who write Python and JavaScript",
		Long: `Polybolt runs topologies: spouts and bolts written in any language, joined by streams,
every tuple tracked until it is done. To begin with:

  polybolt new hello --lang python     (or node)
  polybolt run hello`,
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exit{exitUsage, fmt.Errorf("%w\nSee: %s --help", err, c.CommandPath())}
	})
	root.AddGroup(
		&cobra.Group{ID: groupDevelop, Title: "On this machine:"},
		&cobra.Group{ID: groupUse, Title: "On a cluster:"},
		&cobra.Group{ID: groupServe, Title: "To be a cluster:"})
	root.AddCommand(newRun(), newRunHere(), newNew(), newValidate(), newGraph(), newSchema(), newConvert(), newCheck(), newSDK(), newVersion(),
		newDev(), newNimbus(), newSupervisor(), newLogview(), newWorker(), newDeploy(), newList(), newKill())
	root.AddCommand(clusterCommands()...)
	strictDefaults(root)
	for _, c := range root.Commands() {
		c.GroupID = groupOf[c.Name()]
		c.Flags().SortFlags = false // in the order of their importance
	}
	return root
}

// strictDefaults has the commands that cobra adds by itself judge their
// arguments as ours do: a script that asks for the completion of a shell that
// there is none for must not be told that all went well.
func strictDefaults(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Args = func(c *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); err != nil || found == root && len(rest) > 0 {
					return knownCommand(root, args)
				}
				return nil
			}
		case "completion":
			var names []string
			for _, shell := range c.Commands() {
				names = append(names, shell.Name())
				shell.Args = usage(cobra.NoArgs)
			}
			c.Args = func(_ *cobra.Command, args []string) error {
				if len(args) > 0 {
					return unusable("there is no completion for %q: there are %s", args[0], strings.Join(names, ", "))
				}
				return nil
			}
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
}

// knownCommand refuses what is no command, and offers the nearest ones.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see " + c.CommandPath() + " --help"
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return unusable("there is no command %q: %s", args[0], hint)
}

// usage words the error of an argument check, and gives it the right exit code.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		err := check(c, args)
		if err == nil {
			return nil
		}
		problem := "an argument is missing"
		for n := len(args) - 1; n >= 0; n-- {
			if check(c, args[:n]) == nil {
				problem = fmt.Sprintf("there is no place for %q", args[n])
				break
			}
		}
		use, _, _ := strings.Cut(c.UseLine(), " [flags]")
		return unusable("%s\nUsage: %s\nSee: %s --help", problem, use, c.CommandPath())
	}
}
