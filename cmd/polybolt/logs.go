package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/plainjson"
	"github.com/polybolt/polybolt/host/topology"
)

func newLogs() *cobra.Command {
	var a asker
	var q api.LogQuery
	var since string
	c := &cobra.Command{
		Use:   "logs NAME [COMPONENT]",
		Short: "Show what a topology's components say, on all machines",
		Long: `Shows the last lines of the logs of a topology's workers, merged over all machines in the
order of time, those of workers that are dead included. With -f it goes on as lines are
written, until Ctrl-C. Lines are looked through where they lie, in all that is kept of them:
--level, --grep and --since leave the others there.`,
		Args: usage(cobra.RangeArgs(1, 2)),
	}
	c.Flags().BoolVarP(&q.Follow, "follow", "f", false, "go on with what is written from now on")
	c.Flags().IntVarP(&q.Tail, "tail", "n", 0, "how many lines to begin with (100; with --since 10000)")
	c.Flags().StringVar(&q.Level, "level", "", "only lines of this `LEVEL` and worse, none that were printed: trace, debug, info, warn, error")
	c.Flags().StringVar(&q.Search, "grep", "", "only lines that contain a `TEXT`, whatever its case, in what they say, their logger, host or attributes")
	c.Flags().StringVar(&since, "since", "", "only lines from a `TIME` on: 10m for ten minutes ago, or as 2006-01-02T15:04:05Z")
	c.Flags().StringVarP(&a.format, "output", "o", "text", "the `FORMAT`: text, or json, which is an object a line")
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		if a.format != "text" && a.format != "json" {
			return unusable("--output %s: there are text and json", a.format)
		}
		q.Topology = nameOf(args)
		if len(args) > 1 {
			q.Component = topology.ComponentID(args[1])
		}
		var err error
		if q.Since, err = api.ParseSince(since, time.Now()); err != nil {
			return exit{exitUsage, fmt.Errorf("--%w", err)}
		}
		if q.Level != "" && !slices.Contains(api.LogLevels, strings.ToLower(q.Level)) {
			return unusable("--level %s: there are %s", q.Level, strings.Join(api.LogLevels, ", "))
		}
		p := linePrinter{out: out, json: a.format == "json", colour: out == os.Stdout && term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""}
		return followLogs(ctx, client, q, &p)
	})
}

// logPatience is for how long logs that are followed bear with a nimbus that
// does not answer: another one takes over by then.
const logPatience = 30 * time.Second

// followLogs prints lines. When the connection breaks while it follows it goes
// on where it was.
func followLogs(ctx context.Context, client *api.Client, q api.LogQuery, p *linePrinter) error {
	began := time.Now()
	heard := began
	for {
		err := client.Logs(ctx, p.read.Query(q), func(l api.LogLine) error {
			heard = time.Now()
			return p.print(l)
		})
		var e *api.Error
		switch {
		case !q.Follow, ctx.Err() != nil, p.broken, errors.As(err, &e) && !e.Passing():
			return err
		case heard.Equal(began) && e != nil && e.Code == api.CodeUnreachable:
			return err // it has never been there: the address may be wrong
		case time.Since(heard) > logPatience:
			return fmt.Errorf("the logs broke off: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// linePrinter prints lines of logs.
type linePrinter struct {
	out          io.Writer
	json, colour bool

	read   api.Resume // what was printed is left out when it comes again
	broken bool       // nobody reads what is printed
}

func (p *linePrinter) print(l api.LogLine) error {
	if !p.read.Fresh(&l) {
		return nil
	}
	text := p.format(l)
	_, err := fmt.Fprintln(p.out, text)
	p.broken = err != nil
	return err
}

func (p *linePrinter) format(l api.LogLine) string {
	if p.json {
		b, err := plainjson.Marshal(l)
		if err != nil {
			return harmless(l.Text) // a line that was JSON before cannot fail to be it again
		}
		return string(b)
	}
	who := "worker"
	if l.Component != "" {
		who = topology.TaskName(l.Component, l.Task)
	}
	line := []span{{l.Time.Local().Format("15:04:05.000"), faint}, {text: " "}, {l.Host + " " + l.Place, faint}, {text: " "}, {who, bold}, {text: " "}}
	style := plain
	switch l.Level {
	case "ERROR":
		style = red
	case "WARN", "WARNING":
		style = yellow
	}
	if l.Level != "" && l.Level != "INFO" {
		line = append(line, span{l.Level + " ", style})
	}
	line = append(line, span{strings.TrimRight(harmless(l.Text), "\n"), style})
	for _, key := range []string{"err", "why"} {
		if v, there := l.More[key]; there {
			line = append(line, span{fmt.Sprintf(" %s=%s", key, harmless(fmt.Sprint(v))), faint})
		}
	}
	const endless = 1 << 30
	return paint(line, endless, p.colour)
}
