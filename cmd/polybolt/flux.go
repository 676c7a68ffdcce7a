package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/topology/flux"
)

// fluxFlags say what the placeholders of a file in Storm's Flux form stand for.
type fluxFlags struct {
	filter string
	env    bool
	define []string
}

func (f *fluxFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.filter, "filter", "", "for Storm's Flux files: replace ${key} by what `FILE`.properties says")
	c.Flags().BoolVar(&f.env, "env-filter", false, "for Storm's Flux files: replace ${ENV-NAME} by environment variables")
	c.Flags().StringArrayVar(&f.define, "define", nil, "for Storm's Flux files: replace ${key}, as `KEY=VALUE`")
}

// options reads the flags.
func (f *fluxFlags) options() (flux.Options, error) {
	o := flux.Options{Filter: f.filter, Values: map[string]string{}}
	if f.filter != "" {
		data, err := os.ReadFile(f.filter)
		if err != nil {
			return o, exit{exitUsage, fmt.Errorf("--filter: %w", err)}
		}
		o.Values = flux.ReadProperties(data)
	}
	for _, d := range f.define {
		key, value, ok := strings.Cut(d, "=")
		if !ok || key == "" {
			return o, exit{exitUsage, fmt.Errorf("--define %s: write KEY=VALUE", d)}
		}
		o.Values[key] = value
	}
	if f.env {
		o.Environ = map[string]string{}
		for _, pair := range os.Environ() {
			if name, value, ok := strings.Cut(pair, "="); ok {
				o.Environ[name] = value
			}
		}
	}
	return o, nil
}

// open reads and checks a topology of either form. What a Flux file says
// without effect goes to stderr.
func (f *fluxFlags) open(path string, set []string) (*host.Bundle, error) {
	options, err := overrides(set)
	if err != nil {
		return nil, err
	}
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	b, err := host.OpenBundleWith(path, o, options...)
	if err != nil {
		return nil, invalid(err)
	}
	for _, note := range b.Notes {
		fmt.Fprintln(os.Stderr, "note:", note.Error())
	}
	return b, nil
}

// nativeFile is what the native form of a Flux file is called in a bundle.
const nativeFile = ".polybolt-topology.yaml"

// nativeOf returns which file of a bundle nimbus is to read. For one in Storm's form
// that is an extra file with the native form, in which nothing is left to be
// replaced or included.
func nativeOf(b *host.Bundle) (file, extra string, text []byte, err error) {
	if !b.Flux {
		return filepath.Base(b.Topology.File), "", nil, nil
	}
	text, err = topology.Marshal(b.Topology)
	return nativeFile, nativeFile, text, err
}

func newConvert() *cobra.Command {
	var f fluxFlags
	c := &cobra.Command{
		Use:   "convert FILE",
		Short: "Print the native form of a topology written for Storm's Flux",
		Long: `Prints the native form of a topology. Placeholders are replaced, includes are merged;
what has no effect here is noted on stderr. The result stands beside the same files.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := f.open(args[0], nil)
			if err != nil {
				return err
			}
			text, err := topology.Marshal(b.Topology)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	}
	f.add(c)
	c.ValidArgsFunction = completeTopology
	return c
}
