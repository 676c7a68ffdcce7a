package host

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/shells"
)

// RunWorker runs the worker process that a supervisor's file describes, until
// its place is not its own any more.
func RunWorker(ctx context.Context, file string) error {
	spec, err := slot.ReadSpec(file)
	if err != nil {
		return err
	}
	own := process.NewOwnLog(filepath.Join(spec.Logs, slot.LogFile))
	var level slog.LevelVar // info, until an order says otherwise
	log := slog.New(slog.NewJSONHandler(own, &slog.HandlerOptions{Level: &level}))
	log = log.With("topology", spec.Run.Topology, "run", spec.Run.Number, "slot", spec.Place.Local())
	crash.Arm(log, own)
	if err := shells.WaitForTurn(); err != nil {
		log.Info("the kernel keeps its usual scheduling: latencies are somewhat longer", "err", err)
	}
	o := ClusterOptions{ZooKeeper: spec.ZooKeeper, Root: spec.Root, SessionTimeout: time.Duration(spec.SessionTimeout), Host: spec.Host, ZooKeeperCA: spec.ZooKeeperCA, access: spec.Access}
	return o.withCluster(log, func(c *cluster.Cluster) error {
		return process.New(process.Options{
			Spec: spec, Cluster: c, Log: log, Level: &level, Output: process.LogOutput{Log: log}, FailuresEvery: time.Duration(spec.ErrorsEvery),
			NewEngine: func(eo process.EngineOptions) (process.Engine, error) { return newEngine(eo, spec, log) },
		}).Run(ctx)
	})
}
