package host

import (
	"context"
	"errors"
	"log/slog"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/logview"
)

// LogviewOptions say how a machine's log server runs.
type LogviewOptions struct {
	ClusterOptions
	Dir     string // the supervisor's data folder, an absolute path
	Address string // where other machines reach this one
	Bind    string // the IP or name to listen on; empty: Address

	ScrapeOptions
	ScrapeToken string // what the file holds, for who runs it
}

// ScrapeOptions say where the figures of a machine can be had, and who may.
type ScrapeOptions struct {
	MetricsListen    string // HOST:PORT; empty: nowhere
	MetricsTokenFile string
}

// Validate returns an error unless both are given, or none.
func (o *ScrapeOptions) Validate() error {
	if (o.MetricsListen == "") != (o.MetricsTokenFile == "") {
		return errors.New("--metrics-listen and --metrics-token-file go together: where the figures can be had, and the token that is wanted for them")
	}
	return nil
}

// DefaultLogviewOptions returns options that lack only Dir.
func DefaultLogviewOptions() LogviewOptions {
	return LogviewOptions{ClusterOptions: DefaultClusterOptions(), Address: DefaultSupervisorOptions().Address}
}

// LogviewCommand is the command that runs a log server.
const LogviewCommand = "logview"

// RunLogview runs a log server until ctx ends. If there is one for the folder
// already, that is said, and is no error.
func RunLogview(ctx context.Context, o LogviewOptions, log *slog.Logger) error {
	err := o.withCluster(log, func(c *cluster.Cluster) error { return newLogview(c, &o, log).Run(ctx) })
	if errors.Is(err, logview.ErrBusy) {
		log.Info("there is a log server already", "err", err)
		return nil
	}
	return err
}

func newLogview(c *cluster.Cluster, o *LogviewOptions, log *slog.Logger) *logview.Server {
	return logview.New(c, logview.Options{Dir: o.Dir, Host: o.Host, Address: o.Address, Bind: o.Bind, Version: Version, Log: log, Scrape: logview.Scrape{Listen: o.MetricsListen, Token: o.ScrapeToken}})
}

// args are the flags with which the command gets these options.
func (o *LogviewOptions) args() []string {
	return append([]string{LogviewCommand, "--dir", o.Dir, "--address", o.Address, "--bind", o.Bind, "--metrics-listen", o.MetricsListen, "--metrics-token-file", o.MetricsTokenFile}, o.ClusterOptions.args()...)
}
