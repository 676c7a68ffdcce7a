package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// completionTimeout bounds what pressing the Tab key may cost when nimbus is asked.
const completionTimeout = 300 * time.Millisecond

// completeFlag has the shell offer the values of a flag.
func completeFlag(c *cobra.Command, flag string, values ...string) {
	err := c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic("polybolt: completion of a flag that is not there: " + err.Error())
	}
}

// completeTopology has the shell offer folders and YAML files.
func completeTopology(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeDeployed offers the topologies of the cluster, if nimbus answers at once.
func completeDeployed(f *clientFlags) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		client, err := f.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer client.Close()
		parent := c.Context()
		if parent == nil {
			parent = context.Background()
		}
		ctx, cancel := context.WithTimeout(parent, completionTimeout)
		defer cancel()
		list, err := client.List(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return sortedNames(list), cobra.ShellCompDirectiveNoFileComp
	}
}
