package main

import (
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

func newKill() *cobra.Command {
	var f clientFlags
	var wait time.Duration
	var noWait bool
	c := &cobra.Command{
		Use:   "kill NAME",
		Short: "End a topology on a cluster",
		Long: `Stops the spouts of a topology, waits until what is in flight is done, stops the rest and
removes it from the cluster.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
			defer stop()
			r := api.ChangeRequest{Verb: api.Kill}
			if c.Flags().Changed("wait") {
				if wait < 0 {
					return unusable("--wait %v: it cannot be negative", wait)
				}
				r.Wait = &wait
			}
			id, err := begin(ctx, client, c.OutOrStdout(), topology.Name(args[0]), r)
			if err != nil || noWait {
				return err
			}
			return follow(ctx, c.OutOrStdout(), client, topology.Name(args[0]), id)
		},
	}
	f.add(c)
	c.ValidArgsFunction = completeDeployed(&f)
	c.Flags().DurationVar(&wait, "wait", 0, "the `TIME` for tuples in flight to be done (default: the topology's message timeout)")
	c.Flags().BoolVar(&noWait, "no-wait", false, "return at once")
	return c
}
