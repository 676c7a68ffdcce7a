package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/plainjson"
	"github.com/polybolt/polybolt/host/topology"
)

// tapFlags are the options of tap as they are written.
type tapFlags struct {
	q      api.TapQuery
	sample string
	fields string
}

func newTap() *cobra.Command {
	var a asker
	var o tapFlags
	c := &cobra.Command{
		Use:   "tap NAME EDGE",
		Short: "Show tuples that pass an edge of a running topology",
		Long: `Shows tuples as they pass: 'split->count' are those from one component to another, split all
that a component emits, split:STREAM those on one of its streams. Quote what has a >: the
shell takes it for its own.

Nothing is deployed, and nothing is slowed down: beyond a small share of a core's time, and
200 tuples a second of each worker, tuples are dropped. How many is told at the end, and
in the first line that tells of any. It goes on until Ctrl-C, --limit or --for.

--where takes a condition on the tuple's fields:

  polybolt tap word-count 'split->count' --where 'word == "storm" and not (n < 3)'

with == != < <= > >= contains, and or not, numbers, "text", true, false, nil, and event.user
for the key user in a field that holds a map.`,
		Args: usage(cobra.ExactArgs(2)),
	}
	c.Flags().StringVarP(&o.q.Where, "where", "w", "", "show only tuples that meet a `CONDITION`")
	c.Flags().StringVar(&o.sample, "sample", "100%", "look only at this `SHARE` of the tuples, chosen at random: 1% or 0.01")
	c.Flags().StringVar(&o.fields, "fields", "", "show only these `FIELDS`: a,b")
	c.Flags().IntVarP(&o.q.Limit, "limit", "n", 0, "end after so many tuples")
	c.Flags().DurationVar(&o.q.For, "for", 0, "end after this `TIME`")
	c.Flags().StringVarP(&a.format, "output", "o", "text", "the `FORMAT`: text, or json, which is an event a line")
	completeFlag(c, "output", "text", "json")
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		if a.format != "text" && a.format != "json" {
			return unusable("--output %s: there are text and json", a.format)
		}
		if err := o.parse(args); err != nil {
			return err
		}
		p := tapPrinter{out: out, notes: c.ErrOrStderr(), json: a.format == "json", colour: out == os.Stdout && term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""}
		err := client.Tap(ctx, o.q, p.print)
		if err == nil || errors.Is(err, context.Canceled) {
			p.sum()
		}
		return err
	})
}

// parse reads what the command line says.
func (o *tapFlags) parse(args []string) error {
	o.q.Topology = nameOf(args)
	if strings.HasSuffix(args[1], "-") {
		return unusable("%q is no edge: if you wrote %s>COMPONENT, the shell has taken the rest for a file: quote it, '%s>COMPONENT'", args[1], args[1], args[1])
	}
	err := o.q.ParseEdge(args[1])
	if err == nil {
		_, err = o.q.Condition()
	}
	if err != nil {
		return exit{exitUsage, err}
	}
	number, percent := strings.CutSuffix(strings.TrimSpace(o.sample), "%")
	if o.q.Sample, err = strconv.ParseFloat(strings.TrimSpace(number), 64); err == nil && percent {
		o.q.Sample /= 100
	}
	if err != nil || !(o.q.Sample > 0 && o.q.Sample <= 1) {
		return unusable("--sample %s: write a share above 0%%, up to 100%%", o.sample)
	}
	if o.q.Limit < 0 || o.q.For < 0 {
		return unusable("--limit and --for must not be negative")
	}
	for f := range strings.SplitSeq(o.fields, ",") {
		if f = strings.TrimSpace(f); f != "" {
			o.q.Fields = append(o.q.Fields, f)
		}
	}
	return nil
}

// tapPrinter prints what a tap tells.
type tapPrinter struct {
	out, notes   io.Writer
	json, colour bool

	shown  int64
	counts api.TapCounts
}

// print prints an event.
func (p *tapPrinter) print(e api.TapEvent) error {
	if e.Tuple != nil {
		p.shown++
	}
	first := false
	if e.Counts != nil {
		first = p.counts.Dropped == 0 && e.Counts.Dropped > 0
		p.counts = *e.Counts
	}
	var err error
	switch {
	case p.json:
		var b []byte
		if b, err = plainjson.Marshal(e); err == nil {
			_, err = fmt.Fprintf(p.out, "%s\n", b)
		}
	case e.Tuple != nil:
		_, err = fmt.Fprintln(p.out, p.format(e.Tuple))
	case e.Lost != "":
		_, err = fmt.Fprintln(p.notes, "cannot be seen:", harmless(e.Lost))
	case first:
		_, err = fmt.Fprintln(p.notes, "more tuples pass than are shown: some are dropped, from here on")
	}
	return err
}

func (p *tapPrinter) format(x *api.TapTuple) string {
	stream := ""
	if x.Stream != "default" {
		stream = ":" + string(x.Stream)
	}
	const endless = 1 << 30
	return paint([]span{{x.Time.Local().Format("15:04:05.000"), faint}, {text: " "}, {topology.TaskName(x.Component, x.Task) + stream, bold}, {text: " " + harmless(string(x.Values))}}, endless, p.colour)
}

// sum says at the end what there was, and what could not be shown.
func (p *tapPrinter) sum() {
	if p.json {
		return // its last line says it
	}
	c := p.counts
	text := fmt.Sprintf("%s passed, %s looked at, %s shown", count(c.Passed), count(c.Looked), count(p.shown))
	if c.Dropped > 0 {
		text += fmt.Sprintf("; %s dropped: no time to look at them, or no room (a smaller --sample, or a --where, shows more evenly)", count(c.Dropped))
	}
	fmt.Fprintln(p.notes, text)
}
