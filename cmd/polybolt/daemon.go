package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host"
	"github.com/polybolt/polybolt/host/crash"
)

// runDaemon runs a daemon until SIGINT or SIGTERM.
func runDaemon(run func(context.Context, *slog.Logger) error) error {
	host.Version = version
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	crash.Arm(log, os.Stderr)
	defer crash.Guard()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, log)
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	log.Error("daemon ends", "err", err)
	return exit{code: crash.ExitCode}
}

// clusterFlags are the flags of all daemons.
func clusterFlags(c *cobra.Command, o *host.ClusterOptions) {
	c.Flags().StringSliceVar(&o.ZooKeeper, "zookeeper", o.ZooKeeper, "the members of the ZooKeeper ensemble, as `HOST:PORT,…`")
	c.Flags().StringVar(&o.Root, "root", o.Root, "the node below which everything lies in ZooKeeper")
	c.Flags().DurationVar(&o.SessionTimeout, "session-timeout", o.SessionTimeout, "how long ZooKeeper waits for a sign of life")
	c.Flags().StringVar(&o.KeyFile, "cluster-key", o.KeyFile, "`file` with the key of the cluster, the same on all its machines; polybolt doctor --new-key makes one")
	c.Flags().StringVar(&o.ZooKeeperCA, "zookeeper-ca", o.ZooKeeperCA, "speak TLS to ZooKeeper, whose certificates are signed by the authority in this PEM `file`, or one of the system's with \"system\"")
	c.Flags().StringVar(&o.Host, "host", o.Host, "this machine's `name`, for people")
}

// unusable gives errors of a command line their exit code.
func unusable(format string, args ...any) error {
	return exit{exitUsage, fmt.Errorf(format, args...)}
}
