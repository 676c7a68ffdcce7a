package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/metrics"
	"github.com/polybolt/polybolt/host/topology"
)

func newTop() *cobra.Command {
	var a asker
	every := 2 * time.Second
	var order string
	c := &cobra.Command{
		Use:   "top [NAME]",
		Short: "Show what the components of topologies do, as it happens",
		Long: `Shows rates, latencies, what waits and what failed, for each component of the topologies
on a cluster, or of one. Latencies are of a spout's trees and of a bolt's rows in user code,
since the look before. On a terminal it goes on until q or Ctrl-C, and a key sorts it: the
first line names the keys. Elsewhere, and with -o json or yaml, it prints once, with rates
over the interval.`,
		Args:              usage(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeDeployed(&a.clientFlags),
	}
	a.output.add(c)
	c.Flags().DurationVar(&every, "every", every, "the `TIME` between two looks")
	c.Flags().StringVar(&order, "sort", "name", "begin with the `ORDER`: "+strings.Join(orderNames(), ", "))
	completeFlag(c, "sort", orderNames()...)
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		if every < 100*time.Millisecond {
			return unusable("--every %v: at least 100ms", every)
		}
		view, err := topView{}.by(order)
		if err != nil {
			return err
		}
		t := &top{client: client, names: args}
		if a.format == "table" && out == os.Stdout && term.IsTerminal(int(os.Stdout.Fd())) {
			return t.live(ctx, out, every, view)
		}
		if err := t.look(ctx); err != nil {
			return err
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
		if err := t.look(ctx); err != nil {
			return err
		}
		view.sort(t.rates)
		return a.print(out, t.rates, func(w io.Writer) { t.table(w) })
	})
}

// Rate is a component's figures, with rates since the look before.
type Rate struct {
	Topology  topology.Name        `json:"topology"`
	Component topology.ComponentID `json:"component"`
	Tasks     int                  `json:"tasks"`
	Running   int                  `json:"running"`
	PerSecond float64              `json:"per_second"` // rows received; of a spout, trees that finished
	InFlight  int                  `json:"in_flight"`
	Failed    int64                `json:"failed"`
	Errors    int64                `json:"errors"`
	Restarts  int64                `json:"restarts"`
	P50       time.Duration        `json:"p50,omitempty"` // since the look before: of a spout's trees, of a bolt's rows in user code
	P90       time.Duration        `json:"p90,omitempty"`
	P99       time.Duration        `json:"p99,omitempty"`
	Why       string               `json:"why,omitempty"`

	times metrics.Histogram // of P50 to P99
}

// top adds up figures, and remembers those of the look before.
type top struct {
	client *api.Client
	names  []string // of topologies; none: all

	rates  []Rate
	silent []string              // workers that did not answer
	before map[topTask]topFigure // of the last look
}

// topTask names a task of a worker process: its counts begin with that.
type topTask struct {
	name    topology.Name
	task    topology.TaskID
	started time.Time
}

type topFigure struct {
	count int64
	times metrics.Histogram
	at    time.Time
}

// look asks once.
func (t *top) look(ctx context.Context) error {
	names := t.names
	if len(names) == 0 {
		list, err := quickly(ctx, t.client.List)
		if err != nil {
			return err
		}
		names = sortedNames(list)
	}
	t.rates, t.silent = []Rate{}, nil
	now := map[topTask]topFigure{}
	for _, name := range names {
		f, err := quickly(ctx, func(ctx context.Context) (*api.Figures, error) { return t.client.Figures(ctx, topology.Name(name)) })
		if err != nil {
			return err
		}
		for _, s := range f.Silent {
			t.silent = append(t.silent, name+": "+s)
		}
		t.add(topology.Name(name), f, now)
	}
	t.before = now
	return nil
}

// add adds the figures of a topology, component by component in the order of their tasks.
func (t *top) add(name topology.Name, f *api.Figures, now map[topTask]topFigure) {
	var tasks []api.TaskFigures
	started, at := map[topology.TaskID]time.Time{}, map[topology.TaskID]time.Time{}
	for _, w := range f.Workers {
		tasks = append(tasks, w.Tasks...)
		for _, task := range w.Tasks {
			started[task.Task], at[task.Task] = w.Started, w.Time
		}
	}
	slices.SortFunc(tasks, func(a, b api.TaskFigures) int { return int(a.Task) - int(b.Task) })
	for _, x := range tasks {
		if n := len(t.rates); n == 0 || t.rates[n-1].Topology != name || t.rates[n-1].Component != x.Component {
			t.rates = append(t.rates, Rate{Topology: name, Component: x.Component})
		}
		r := &t.rates[len(t.rates)-1]
		r.add(&x)
		key, figure := topTask{name, x.Task, started[x.Task]}, topFigure{x.Received, api.Told(x.Times), at[x.Task]}
		if x.Spout {
			figure.count = x.Acked
		}
		now[key] = figure
		if was, known := t.before[key]; known && figure.at.After(was.at) {
			r.PerSecond += float64(figure.count-was.count) / figure.at.Sub(was.at).Seconds()
			lately := figure.times.Since(&was.times)
			r.times.Merge(&lately)
			r.P50, r.P90, r.P99 = r.times.Quantile(0.5), r.times.Quantile(0.9), r.times.Quantile(0.99)
		}
	}
}

func (r *Rate) add(x *api.TaskFigures) {
	r.Tasks++
	if x.State == "running" {
		r.Running++
	} else if r.Why == "" {
		r.Why = strings.TrimSpace(x.State + " " + x.Why)
	}
	r.InFlight += x.Queued + x.InChild + x.Held
	if x.Spout {
		r.InFlight += x.Pending
	}
	r.Failed, r.Errors, r.Restarts = r.Failed+x.Failed, r.Errors+x.Errors, r.Restarts+x.Restarts
}

func (t *top) table(w io.Writer) {
	out := newTable("topology", "component", "tasks", "per s", "in flight", "failed", "errors", "restarts", "p50", "p90", "p99", "")
	for _, r := range t.rates {
		out.AppendRow([]any{r.Topology, r.Component, fmt.Sprintf("%d/%d", r.Running, r.Tasks), count(int64(r.PerSecond)), count(int64(r.InFlight)),
			count(r.Failed), count(r.Errors), count(r.Restarts), latency(r.P50), latency(r.P90), latency(r.P99), firstLine(harmless(r.Why), 80)})
	}
	if len(t.rates) == 0 {
		fmt.Fprintln(w, "nothing runs")
	} else {
		renderTable(w, out)
	}
	for _, s := range t.silent {
		fmt.Fprintln(w, "no figures of", harmless(s))
	}
}
