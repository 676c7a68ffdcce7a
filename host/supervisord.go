package host

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/supervisor"
)

// SupervisorOptions say how a supervisor runs.
type SupervisorOptions struct {
	ClusterOptions
	Dir     string // its data
	Slots   int
	Address string // where other machines reach this one
	Bind    string // the IP or name on which its workers listen; empty: Address
	Limits  blob.Limits
	Times   supervisor.Times
	Orphan  time.Duration // workers end when no supervisor has asked for them for as long; 0: never

	// ErrorsEvery is the time between two writes of a component's errors to the coordinator.
	ErrorsEvery time.Duration

	ScrapeOptions // of the machine's log server
}

// DefaultSupervisorOptions returns the options of a supervisor that is told
// nothing but its folder.
func DefaultSupervisorOptions() SupervisorOptions {
	return SupervisorOptions{ClusterOptions: DefaultClusterOptions(), Slots: runtime.NumCPU(), Address: "127.0.0.1", Limits: blob.DefaultLimits(), Times: supervisor.DefaultTimes(), ErrorsEvery: process.DefaultFailuresEvery}
}

// WorkerCommand is the hidden command that runs a worker process; its one
// argument is the spec's file.
const WorkerCommand = "worker"

// RunSupervisor runs a supervisor until ctx ends; its workers live on.
func RunSupervisor(ctx context.Context, o SupervisorOptions, log *slog.Logger) error {
	return o.withCluster(log, func(c *cluster.Cluster) error {
		s, err := newSupervisor(c, &o, o.SessionTimeout, true, log)
		if err != nil {
			return err
		}
		log.Info("supervisor is there", "version", Version, "slots", o.Slots)
		return s.Run(ctx)
	})
}

// newSupervisor makes a supervisor whose workers have sessions with the given
// timeout, and which sees to the machine's log server or does not.
func newSupervisor(c *cluster.Cluster, o *SupervisorOptions, session time.Duration, logs bool, log *slog.Logger) (*supervisor.Supervisor, error) {
	err := o.absolute()
	if err != nil {
		return nil, err
	}
	key, err := o.key()
	if err == nil {
		err = o.guardData(key)
	}
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	so := supervisor.Options{
		Dir: o.Dir, Host: o.Host, Address: o.Address, Slots: o.Slots, Version: Version, Bundle: o.Limits, Times: o.Times, Log: log,
		Spec:    slot.Spec{ZooKeeper: o.ZooKeeper, Root: o.Root, SessionTimeout: cluster.Duration(session), Host: o.Host, Address: o.Address, Bind: o.Bind, ZooKeeperCA: o.ZooKeeperCA, Orphan: cluster.Duration(o.Orphan), ErrorsEvery: cluster.Duration(o.ErrorsEvery)},
		Command: func(spec string) *exec.Cmd { return exec.Command(self, WorkerCommand, spec) },
	}
	if key != nil {
		so.Access = key.Access
	}
	if logs {
		lo := LogviewOptions{ClusterOptions: o.ClusterOptions, Dir: o.Dir, Address: o.Address, Bind: o.Bind, ScrapeOptions: o.ScrapeOptions}
		so.LogServer = func() *exec.Cmd { return exec.Command(self, lo.args()...) }
	}
	return supervisor.New(c, so)
}
