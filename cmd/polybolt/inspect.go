package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/shells"
)

func newValidate() *cobra.Command {
	var set []string
	c := &cobra.Command{
		Use:   "validate [FILE|DIR]",
		Short: "Check a topology, and the files that it names",
		Args:  usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := open(args, set)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "ok: %s, %s, %s\n", b.Topology.Name, plural(len(b.Topology.Components), "component"), plural(len(b.Topology.Tasks()), "task"))
			return nil
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "change a value of the topology first, as `PATH=VALUE`")
	c.ValidArgsFunction = completeTopology
	return c
}

func open(args, set []string) (*host.Bundle, error) {
	options, err := overrides(set)
	if err != nil {
		return nil, err
	}
	b, err := host.OpenBundle(argOr(args, "."), options...)
	if err != nil {
		return nil, invalid(err)
	}
	return b, nil
}

func newGraph() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "graph [FILE|DIR]",
		Short: "Draw a topology, as text or for Mermaid",
		Args:  usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := open(args, nil)
			if err != nil {
				return err
			}
			switch format {
			case "text":
				fmt.Fprint(c.OutOrStdout(), topology.Graph(b.Topology))
			case "mermaid":
				fmt.Fprint(c.OutOrStdout(), topology.Mermaid(b.Topology))
			default:
				return exit{exitUsage, fmt.Errorf("--format %s: there are text and mermaid", format)}
			}
			return nil
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "text", "`text` or mermaid")
	completeFlag(c, "format", "text", "mermaid")
	c.ValidArgsFunction = completeTopology
	return c
}

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of topology files, for editors",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(topology.Schema())
			return err
		},
	}
}

func newSDK() *cobra.Command {
	return &cobra.Command{
		Use:       "sdk python|node",
		Short:     "Print the folder of an SDK, for editors and type checkers",
		ValidArgs: []string{"python", "node"},
		Args:      usage(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		RunE: func(c *cobra.Command, args []string) error {
			state, err := shells.StateDir()
			if err != nil {
				return err
			}
			sdk, err := shells.OpenSDK(state)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), sdk.Dir(args[0]))
			return nil
		},
	}
}

// version is set by the linker (see the Makefile).
var version = "dev"

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			commit := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" && len(s.Value) >= 12 {
						commit = " (" + s.Value[:12] + ")"
					}
				}
			}
			fmt.Fprintf(c.OutOrStdout(), "polybolt %s%s, protocol %d\n", version, commit, multilang.Version)
			return nil
		},
	}
}
