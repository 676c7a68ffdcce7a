package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host"
)

func newLogview() *cobra.Command {
	o := host.DefaultLogviewOptions()
	c := &cobra.Command{
		Use:   host.LogviewCommand,
		Short: "Run a log server: it shows what the workers of this machine's supervisor have written",
		Long: `Serves the logs, the dead tuples and the last figures of this machine's workers to
nimbus, those of dead workers included. The supervisor starts it, and it lives on without that.`,
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			var err error
			if o.Dir, err = supervisorDir(o.Dir); err != nil {
				return err
			}
			if err := o.ScrapeOptions.Validate(); err != nil {
				return exit{exitUsage, err}
			}
			if o.MetricsTokenFile != "" {
				if o.ScrapeToken, err = readToken(o.MetricsTokenFile); err != nil {
					return err
				}
			}
			return runDaemon(func(ctx context.Context, log *slog.Logger) error { return host.RunLogview(ctx, o, log) })
		},
	}
	clusterFlags(c, &o.ClusterOptions)
	c.Flags().StringVar(&o.Dir, "dir", "", "the supervisor's data `folder` (default: supervisor in the state folder)")
	c.Flags().StringVar(&o.Address, "address", o.Address, "`host` name or IP at which other machines reach this one")
	c.Flags().StringVar(&o.Bind, "bind", "", "`host` name or IP to listen on, where address translation makes that another one (default: that of --address)")
	scrapeFlags(c, &o.ScrapeOptions)
	return configured(c)
}

// scrapeFlags adds what a log server and its supervisor have in common.
func scrapeFlags(c *cobra.Command, o *host.ScrapeOptions) {
	c.Flags().StringVar(&o.MetricsListen, "metrics-listen", "", "`HOST:PORT` at which Prometheus gets the figures of this machine and its workers, from its log server; with TLS (default: nowhere)")
	c.Flags().StringVar(&o.MetricsTokenFile, "metrics-token-file", "", "the `file` with the token that is wanted there")
}
