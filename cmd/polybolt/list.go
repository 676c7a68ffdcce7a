package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
)

// askTimeout bounds a question that nimbus answers from memory.
const askTimeout = 4500 * time.Millisecond

func newList() *cobra.Command {
	var f clientFlags
	var o output
	c := &cobra.Command{
		Use:   "list",
		Short: "List the topologies of a cluster",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(c.Context(), askTimeout)
			defer cancel()
			list, err := client.List(ctx)
			if err != nil {
				return err
			}
			return o.print(c.OutOrStdout(), list, func(w io.Writer) { listTable(w, list) })
		},
	}
	f.add(c)
	o.add(c)
	return c
}

func listTable(w io.Writer, list []api.Topology) {
	if len(list) == 0 {
		fmt.Fprintln(w, "no topology is deployed")
		return
	}
	t := newTable("name", "state", "version", "workers", "tasks", "since", "")
	for _, x := range list {
		since := ""
		if !x.Deployed.IsZero() {
			since = ago(x.Deployed)
		}
		t.AppendRow([]any{x.Name, x.State, x.Version, fmt.Sprintf("%d/%d", x.Workers, x.Wanted), x.Tasks, since, firstLine(x.Why, 100)})
	}
	renderTable(w, t)
}

// ago words how long something has been so.
func ago(t time.Time) string {
	d := time.Since(t)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
