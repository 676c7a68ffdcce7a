package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

func newLogLevel() *cobra.Command {
	var a asker
	var r api.ChangeRequest
	c := &cobra.Command{
		Use:   "loglevel NAME [COMPONENT] LEVEL",
		Short: "Change from which level on a running topology logs",
		Long: `Changes from which level on a component of a running topology logs, or all of them and the
workers themselves: trace, debug, info, warn or error; usual for what it was. Nothing is
restarted. It holds for workers that start later, too, until --for is over, it is changed
again, or another version is deployed; "polybolt status" shows it.

It is the level of logging in Python, of console in Node, and of log messages of other SDKs.
What is printed has no level, and is kept. Components written for Storm cannot be told: lines
below the level are dropped.`,
		Args: usage(cobra.RangeArgs(2, 3)),
	}
	c.Flags().DurationVar(&r.For, "for", 0, "for this `TIME`; then it is as usual again")
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		r.Verb, r.Level = api.SetLevel, args[len(args)-1]
		if len(args) == 3 {
			r.Component = topology.ComponentID(args[1])
		}
		if r.Level == "usual" {
			r.Level = ""
		}
		_, err := begin(ctx, client, out, nameOf(args), r)
		return err
	})
}

// levelText words a log level that was changed.
func levelText(l api.LogLevel) string {
	who, until := "all that has no level of its own", ""
	if l.Component != "" {
		who = string(l.Component)
	}
	if !l.Until.IsZero() {
		until = " until " + l.Until.Local().Format(time.DateTime)
	}
	return fmt.Sprintf("log level: %s from %s on%s", who, l.Level, until)
}
