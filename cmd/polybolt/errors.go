package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
)

func newErrors() *cobra.Command {
	var a asker
	var dead bool
	var tail int
	c := &cobra.Command{
		Use:   "errors NAME",
		Short: "Show the first and the last errors of a topology's components",
		Long: `Shows the first and the last errors of each component of a topology on a cluster, with
their tracebacks. With --dead it shows tuples that were given up instead: what they
held, why they failed, and how often they were tried.`,
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
		fmt.Fprintf(w, "%s: %s\n", c.Component, plural(int(c.Count), "error"))
		for i, e := range c.Errors {
			if i == 1 && c.Count > int64(len(c.Errors)) {
				fmt.Fprintln(w, "  …")
			}
			text := e.Message
			if e.Type != "" {
				text = e.Type + ": " + text
			}
			times := ""
			if e.Count > 1 {
				times = fmt.Sprintf(" (%d times)", e.Count)
			}
			fmt.Fprintf(w, "  %s  %s  task %d on %s%s: %s\n", e.Time.Local().Format(time.DateTime), e.Kind, e.Task, e.Host, times, harmless(text))
			if about := errorAbout(&e); about != "" {
				fmt.Fprintln(w, "    "+about)
			}
			switch {
			case e.Traceback != "":
				fmt.Fprintln(w, "    "+strings.ReplaceAll(strings.TrimSpace(harmless(e.Traceback)), "\n", "\n    "))
			case e.Place != "":
				fmt.Fprintln(w, "    at", harmless(e.Place))
			}
		}
	}
}

// errorAbout says of which tuple, worker and code an error is.
func errorAbout(e *api.Failure) string {
	var parts []string
	if e.Tuple != "" {
		parts = append(parts, fmt.Sprintf("tuple of %s %s", harmless(e.From), harmless(e.Tuple)))
	}
	if e.Attempt > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", e.Attempt))
	}
	if e.Worker != "" {
		parts = append(parts, "slot "+e.Worker)
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
			b, err := json.Marshal(d)
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
