package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host"
	"github.com/polybolt/polybolt/host/crash"
)

// devLogName is the file in dev's folder that has all that its daemons log.
const devLogName = "dev.log"

func newDev() *cobra.Command {
	o := host.DefaultDevOptions()
	roles := roleFiles{}
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a whole cluster on this machine, to develop and to try things",
		Long: `Runs a coordinator, a nimbus and a supervisor in one process; workers are processes
of their own. Commands in other terminals find it by themselves. Ctrl-C stops
everything, and the next dev starts what was deployed again. If dev is killed the
workers live on: the next dev finds them, and after 10 minutes without one they end.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if o.Dir == "" {
				o.Dir, err = defaultState("dev")
			}
			if err == nil {
				o.Dir, err = filepath.Abs(o.Dir)
			}
			if err == nil {
				o.Token, err = ensureToken("")
			}
			if err == nil {
				o.Roles, err = roles.tokens(o.Token)
			}
			if err != nil {
				return err
			}
			return runDev(o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&o.Dir, "data", "", "`folder` for all its data (default: dev in the state folder)")
	c.Flags().StringVar(&o.Listen, "listen", "", "where the API listens, as `HOST:PORT` (default: 127.0.0.1:6627, any port if that is taken)")
	c.Flags().IntVar(&o.Slots, "slots", o.Slots, "how many workers can run")
	roles.flags(c)
	pluginFlags(c, &o.Plugins)
	return c
}

// runDev runs a cluster until Ctrl-C.
func runDev(o host.DevOptions, out, errs io.Writer) (err error) {
	host.Version = version
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(o.Dir, devLogName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	log := slog.New(slog.NewMultiHandler(
		slog.NewTextHandler(file, nil),
		slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelWarn}),
	))
	crash.Arm(log, io.MultiWriter(file, errs))
	defer crash.Guard()
	nimbus, err := defaultState(nimbusFileName)
	if err != nil {
		return err
	}
	var mine string // what is in the file; read when dev has ended
	o.Listening = func(url string) {
		mine = url + "\n"
		if err := os.WriteFile(nimbus, []byte(mine), 0o600); err != nil {
			log.Warn("other commands will not find this cluster by themselves: give them --nimbus "+url, "err", err)
		}
	}
	o.Ready = func(url string) {
		fmt.Fprintf(out, "A cluster with %s runs at %s\n", plural(o.Slots, "slot"), url)
		fmt.Fprintf(out, "  in another terminal:  polybolt deploy DIR\n  all that it logs:     %s\n  to stop everything:   Ctrl-C\n", file.Name())
	}
	dev := host.NewDev(o, log)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	ended, end := context.WithCancel(context.Background())
	defer end()
	hurried := make(chan bool, 1)
	crash.Go(func() { hurried <- heedSignals(ended, signals, dev, out) })
	err = dev.Run(context.Background())
	end()
	if b, rerr := os.ReadFile(nimbus); rerr == nil && string(b) == mine { // else another dev has written it since
		if rerr := os.Remove(nimbus); rerr != nil {
			log.Warn("the URL of this cluster is left behind", "err", rerr)
		}
	}
	if <-hurried && err == nil {
		return exit{code: exitAborted}
	}
	return err
}

// heedSignals stops dev at the first signal, at once at the second. It tells
// whether there was a second one.
func heedSignals(ctx context.Context, signals <-chan os.Signal, dev *host.Dev, out io.Writer) bool {
	for _, stop := range []struct {
		say string
		do  func()
	}{
		{"\nstopping: tuples in flight are finished; Ctrl-C once more to drop them", dev.Stop},
		{"stopping at once", dev.Hurry},
	} {
		select {
		case <-ctx.Done():
			return false
		case <-signals:
			fmt.Fprintln(out, stop.say)
			stop.do()
		}
	}
	return true
}
