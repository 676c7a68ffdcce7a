package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

func newActivate() *cobra.Command {
	return newToggle("activate", "Let the spouts of a topology go on", api.Activate)
}

func newDeactivate() *cobra.Command {
	return newToggle("deactivate", "Let the spouts of a topology pause", api.Deactivate)
}

func newToggle(use, short string, verb api.Verb) *cobra.Command {
	var a asker
	c := &cobra.Command{Use: use + " NAME", Short: short, Args: usage(cobra.ExactArgs(1))}
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		_, err := begin(ctx, client, out, nameOf(args), api.ChangeRequest{Verb: verb})
		return err
	})
}

// begin begins a change, and says so. The id is empty if it is done already.
func begin(ctx context.Context, client *api.Client, out io.Writer, name topology.Name, r api.ChangeRequest) (id string, err error) {
	a, err := quickly(ctx, func(ctx context.Context) (*api.Accepted, error) { return client.Change(ctx, name, r) })
	if err != nil {
		return "", err
	}
	fmt.Fprintln(out, a.Text)
	return a.ID, nil
}

// beginAndWait begins a change, and shows how it goes until it has ended, unless
// the user does not want to wait.
func (f *waitFlags) beginAndWait(ctx context.Context, client *api.Client, out io.Writer, name topology.Name, r api.ChangeRequest) error {
	r.Timeout, r.Drain = f.timeout, f.drain
	id, err := begin(ctx, client, out, name, r)
	if err != nil || id == "" || f.noWait {
		return err
	}
	return follow(ctx, out, client, name, id)
}

func newRebalance() *cobra.Command {
	var a asker
	var f waitFlags
	var workers int
	var parallelism map[string]int
	c := &cobra.Command{
		Use:   "rebalance NAME",
		Short: "Give a topology another number of workers, or of tasks",
		Long: `With --workers alone only the tasks move that must. With --parallelism keys go to other
tasks, so the topology is brought up anew beside itself, and takes over when it is ready,
as in a deploy.`,
		Example: "  polybolt rebalance word-count --workers 4\n  polybolt rebalance word-count --parallelism count=8 --parallelism split=2",
		Args:    usage(cobra.ExactArgs(1)),
	}
	f.add(c)
	c.Flags().IntVar(&workers, "workers", 0, "how many worker processes it is to have")
	c.Flags().StringToIntVar(&parallelism, "parallelism", nil, "`COMPONENT=N`: how many tasks a component is to have")
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		r := api.ChangeRequest{Verb: api.Rebalance, Workers: workers}
		if c.Flags().Changed("workers") && workers < 1 {
			return unusable("--workers %d: at least one is needed", workers)
		}
		if workers == 0 && len(parallelism) == 0 {
			return unusable("say what to change: --workers N or --parallelism COMPONENT=N")
		}
		for id, n := range parallelism {
			if r.Parallelism == nil {
				r.Parallelism = map[topology.ComponentID]int{}
			}
			r.Parallelism[topology.ComponentID(id)] = n
		}
		return f.beginAndWait(ctx, client, out, nameOf(args), r)
	})
}

func newRollback() *cobra.Command {
	var a asker
	var f waitFlags
	c := &cobra.Command{
		Use:   "rollback NAME [VERSION]",
		Short: "Bring an earlier version of a topology up again",
		Long: `Brings an earlier version of a topology up, by default the one before the one that runs, in
the same way as a deploy. "polybolt status NAME" lists the versions that are kept.`,
		Args: usage(cobra.RangeArgs(1, 2)),
	}
	f.add(c)
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		r := api.ChangeRequest{Verb: api.Rollback}
		if len(args) > 1 {
			var err error
			if r.Version, err = strconv.Atoi(args[1]); err != nil || r.Version < 1 {
				return unusable("%q is no version: write its number, as in `polybolt status %s`", args[1], args[0])
			}
		}
		return f.beginAndWait(ctx, client, out, nameOf(args), r)
	})
}
