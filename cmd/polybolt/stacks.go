package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

// stacksPatience is how long nimbus may take, which gives workers 8 s.
const stacksPatience = 12 * time.Second

func newStacks() *cobra.Command {
	var a asker
	c := &cobra.Command{
		Use:   "stacks NAME COMPONENT[TASK]",
		Short: "Show where the running code of a component is",
		Long: `Shows the stacks of a component's children, or of one of them ('split[3]', as logs and errors
name it), as their language prints them: of Python all threads, of Node the main thread, and
what is in progress. A busy child answers, too, and goes on as before.`,
		Args: usage(cobra.ExactArgs(2)),
	}
	a.output.add(c)
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		component, number, one := strings.Cut(strings.TrimSuffix(args[1], "]"), "[")
		if one != strings.HasSuffix(args[1], "]") {
			return unusable("%q: write COMPONENT, or 'COMPONENT[TASK]'", args[1])
		}
		task, err := api.ParseTask(number)
		if err == nil && one && task == 0 {
			err = errors.New("the number of the task is missing")
		}
		if err != nil {
			return exit{exitUsage, err}
		}
		ctx, cancel := context.WithTimeout(ctx, stacksPatience)
		defer cancel()
		list, err := client.Stacks(ctx, nameOf(args), topology.ComponentID(component), task)
		if err != nil {
			return err
		}
		if err := a.print(out, list, func(w io.Writer) { printStacks(w, list) }); err != nil {
			return err
		}
		for _, s := range list {
			if s.Why == "" {
				return nil
			}
		}
		return exit{code: exitFailure} // nothing is shown, and it is told why
	})
}

func printStacks(w io.Writer, list []api.Stacks) {
	for i, s := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s on %s, slot %s", topology.TaskName(s.Component, s.Task), harmless(s.Host), s.Place)
		if s.PID != 0 {
			fmt.Fprintf(w, ", pid %d", s.PID)
		}
		if s.Runtime != "" {
			fmt.Fprintf(w, ", %s", harmless(s.Runtime))
		}
		fmt.Fprintln(w)
		text := strings.TrimRight(s.Text, "\n")
		if s.Why != "" {
			text = s.Why
		}
		fmt.Fprintln(w, "  "+strings.ReplaceAll(harmless(text), "\n", "\n  "))
	}
}
