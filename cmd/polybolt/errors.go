package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/plainjson"
)

func newErrors() *cobra.Command {
	var a asker
	var dead bool
	var tail int
	c := &cobra.Command{
		Use:   "errors NAME",
		Short: "Show the first and the last errors of a topology's components",
		Long: `Shows the first and the last errors of each component of a topology on a cluster, with
their tracebacks: those of the run that serves, and after them those of a deploy that was
given up, and of the run before. With --dead it shows tuples that were given up instead:
what they held, why they failed, and how often they were tried.`,
		Args: usage(cobra.ExactArgs(1)),
	}
	a.output.add(c)
	c.Flags().BoolVar(&dead, "dead", false, "show tuples that were given up")
	c.Flags().IntVarP(&tail, "tail", "n", 20, "with --dead: how many of each machine, the last ones")
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		if dead {
			return a.dead(ctx, client, out, args, tail)
		}
		list, err := quickly(ctx, func(ctx context.Context) ([]api.ComponentErrors, error) { return client.Errors(ctx, nameOf(args)) })
		if err != nil {
			return err
		}
		return a.print(out, list, func(w io.Writer) { printErrors(w, list) })
	})
}

func printErrors(w io.Writer, list []api.ComponentErrors) {
	if len(list) == 0 {
		fmt.Fprintln(w, "no errors")
	}
	for _, c := range list {
		fmt.Fprintf(w, "%s%s: %s\n", c.Component, errorsOfRun(c.Run, c.Version, c.Was), plural(int(c.Count), "error"))
		shown := int64(0)
		for _, e := range c.Errors {
			shown += e.Count
		}
		for i, e := range c.Errors {
			if i == 1 && c.Count > shown {
				fmt.Fprintln(w, "  …")
			}
			printError(w, &e)
		}
	}
}

// errorsOfRun marks a run other than the one that serves.
func errorsOfRun(run, version int, was api.RunState) string {
	if was == api.Serves {
		return ""
	}
	return fmt.Sprintf(" (run %d, version %d, %s)", run, version, was)
}

// printError prints the last error of a kind, and the first.
func printError(w io.Writer, e *api.Failure) {
	times := ""
	if e.Count > 1 {
		times = fmt.Sprintf(" (%d times)", e.Count)
	}
	printOccurrence(w, "  ", e, &e.Occurrence, times)
	if e.First != nil {
		fmt.Fprintln(w, "    the first of them:")
		printOccurrence(w, "    ", e, e.First, "")
	}
}

// printOccurrence prints one error with all that is known of it.
func printOccurrence(w io.Writer, indent string, e *api.Failure, o *api.Occurrence, times string) {
	text := o.Message
	if e.Type != "" {
		text = e.Type + ": " + text
	}
	fmt.Fprintf(w, "%s%s  %s  task %d on %s%s: %s\n", indent, o.Time.Local().Format(time.DateTime), e.Kind, o.Task, o.Host, times, harmless(text))
	indent += "  "
	if about := errorAbout(e, o); about != "" {
		fmt.Fprintln(w, indent+about)
	}
	switch {
	case o.Traceback != "":
		fmt.Fprintln(w, indent+strings.ReplaceAll(strings.TrimSpace(harmless(o.Traceback)), "\n", "\n"+indent))
	case e.Place != "":
		fmt.Fprintln(w, indent+"at", harmless(e.Place))
	}
}

// errorAbout says of which tuple, worker and code an error is.
func errorAbout(e *api.Failure, o *api.Occurrence) string {
	var parts []string
	if o.Tuple != "" {
		parts = append(parts, fmt.Sprintf("tuple of %s %s", harmless(o.From), harmless(o.Tuple)))
	}
	if o.Attempt > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", o.Attempt))
	}
	if o.Worker != "" {
		parts = append(parts, "slot "+o.Worker)
	}
	if e.Version > 0 {
		parts = append(parts, fmt.Sprintf("version %d", e.Version))
	}
	return strings.Join(parts, ", ")
}

// dead prints tuples as they come. In a table's place stands a line for each;
// json is a line for each too, since there may be many.
func (a *asker) dead(ctx context.Context, client *api.Client, out io.Writer, args []string, tail int) error {
	if a.format == "yaml" {
		return unusable("--dead prints a table, or with -o json one object a line")
	}
	n := 0
	err := client.Dead(ctx, nameOf(args), tail, func(d api.DeadTuple) error {
		n++
		if a.format == "json" {
			b, err := plainjson.Marshal(d)
			if err == nil {
				_, err = fmt.Fprintf(out, "%s\n", b)
			}
			return err
		}
		_, err := fmt.Fprintf(out, "%s slot %s: %s\n", d.Host, d.Place, harmless(string(d.Tuple)))
		return err
	})
	if err == nil && n == 0 && a.format == "table" {
		fmt.Fprintln(out, "no tuple was given up")
	}
	return err
}
