package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host"
)

func newSupervisor() *cobra.Command {
	o := host.DefaultSupervisorOptions()
	c := &cobra.Command{
		Use:   "supervisor",
		Short: "Run a supervisor: it starts workers on this machine, and watches over them",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			var err error
			if o.Dir, err = supervisorDir(o.Dir); err != nil {
				return err
			}
			if err := o.ScrapeOptions.Validate(); err != nil {
				return exit{exitUsage, err}
			}
			if o.MetricsTokenFile != "" { // it is the log server that reads it, elsewhere and later
				if _, err := readToken(o.MetricsTokenFile); err != nil {
					return err
				}
				if o.MetricsTokenFile, err = filepath.Abs(o.MetricsTokenFile); err != nil {
					return err
				}
			}
			return runDaemon(func(ctx context.Context, log *slog.Logger) error { return host.RunSupervisor(ctx, o, log) })
		},
	}
	clusterFlags(c, &o.ClusterOptions)
	c.Flags().StringVar(&o.Dir, "dir", "", "`folder` for its data: who it is, code, logs (default: supervisor in the state folder)")
	c.Flags().IntVar(&o.Slots, "slots", o.Slots, "how many workers it runs at most")
	c.Flags().DurationVar(&o.Orphan, "orphan", 0, "workers end when there has been no supervisor for this `time`; 0: never")
	c.Flags().DurationVar(&o.ErrorsEvery, "errors-every", o.ErrorsEvery, "`time` between two writes of a component's errors to ZooKeeper, where they outlive their worker")
	c.Flags().StringVar(&o.Address, "address", o.Address, "`host` name or IP at which other machines reach this one")
	c.Flags().StringVar(&o.Bind, "bind", "", "`host` name or IP on which its workers and the log server listen, where address translation makes that another one (default: that of --address)")
	scrapeFlags(c, &o.ScrapeOptions)
	return configured(c)
}

// supervisorDir returns the folder of a supervisor's data, given what the user said of it.
func supervisorDir(dir string) (string, error) {
	if dir == "" {
		return defaultState("supervisor")
	}
	return filepath.Abs(dir)
}

// newWorker is the hidden command that a supervisor runs.
func newWorker() *cobra.Command {
	return &cobra.Command{
		Use:    host.WorkerCommand + " SPEC",
		Hidden: true,
		Args:   usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			return runDaemon(func(ctx context.Context, _ *slog.Logger) error { return host.RunWorker(ctx, args[0]) })
		},
	}
}
