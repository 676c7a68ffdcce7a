package main

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/shells"
)

func newValidate() *cobra.Command {
	var set []string
	var f fluxFlags
	c := &cobra.Command{
		Use:   "validate [FILE|DIR]",
		Short: "Check a topology, and the files that it names",
		Long: `Checks a topology (by default ./topology.yaml) without running it: keys, names, streams,
fields, and that there are the programs and scripts that it names. All problems are
told at once, as FILE:LINE:COLUMN: what is wrong. Exit codes: 0 ok, 2 there are problems.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := f.open(argOr(args, "."), set)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "ok: %s, %s, %s\n", b.Topology.Name, plural(len(b.Topology.Components), "component"), plural(len(b.Topology.Tasks()), "task"))
			return err
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, setHelp)
	f.add(c)
	c.ValidArgsFunction = completeTopology
	return c
}

func newGraph() *cobra.Command {
	var format string
	var f fluxFlags
	c := &cobra.Command{
		Use:   "graph [FILE|DIR]",
		Short: "Draw a topology, as text or for Mermaid",
		Long: `Draws a topology (by default ./topology.yaml): its components, what each reads and emits,
and how rows are divided among tasks.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := f.open(argOr(args, "."), nil)
			if err != nil {
				return err
			}
			switch format {
			case "text":
				_, err = fmt.Fprint(c.OutOrStdout(), topology.Graph(b.Topology))
			case "mermaid":
				_, err = fmt.Fprint(c.OutOrStdout(), topology.Mermaid(b.Topology))
			default:
				return exit{exitUsage, fmt.Errorf("--format %s: there are text and mermaid", format)}
			}
			return err
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "text", "text or mermaid, the `FORMAT`")
	f.add(c)
	completeFlag(c, "format", "text", "mermaid")
	c.ValidArgsFunction = completeTopology
	return c
}

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of topology files, for editors",
		Long: `Prints the JSON Schema of topology files, with which an editor completes and checks them.
Save it, and name it in the first line of a topology:

  # yaml-language-server: $schema=topology.schema.json

What "polybolt new" makes has both.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(topology.Schema())
			return err
		},
	}
}

func newSDK() *cobra.Command {
	return &cobra.Command{
		Use:   "sdk python|node",
		Short: "Print the folder of an SDK, for editors and tests",
		Long: `Prints the folder that holds the Python or Node package of this polybolt, for editors,
type checkers and tests. Components need none of this: they are given the package.

  PYTHONPATH=$(polybolt sdk python) python3 -m pytest
  NODE_PATH=$(polybolt sdk node) node --test`,
		ValidArgs: []string{"python", "node"},
		Args:      usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains(c.ValidArgs, args[0]) {
				return unusable("there is no SDK for %q: there are %s", args[0], strings.Join(c.ValidArgs, " and "))
			}
			state, err := shells.StateDir()
			if err != nil {
				return err
			}
			sdk, err := shells.OpenSDK(state)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), sdk.Dir(args[0]))
			return err
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
			_, err := fmt.Fprintln(c.OutOrStdout(), versionText())
			return err
		},
	}
}

func versionText() string {
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				commit = " (" + s.Value[:12] + ")"
			}
		}
	}
	return fmt.Sprintf("polybolt %s%s, protocol %d", version, commit, multilang.Version)
}
