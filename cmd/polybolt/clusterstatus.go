package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
)

func newStatus() *cobra.Command {
	var a asker
	c := &cobra.Command{
		Use:   "status NAME",
		Short: "Show how a topology on a cluster is, and why",
		Args:  usage(cobra.ExactArgs(1)),
	}
	a.output.add(c)
	return a.command(c, func(ctx context.Context, client *api.Client, out io.Writer, args []string) error {
		s, err := quickly(ctx, func(ctx context.Context) (*api.Status, error) { return client.Status(ctx, nameOf(args)) })
		if err != nil {
			return err
		}
		return a.print(out, s, func(w io.Writer) { statusTable(w, s) })
	})
}

func statusTable(w io.Writer, s *api.Status) {
	fmt.Fprintf(w, "%s: %s\n", s.Name, because(s.State, s.Why))
	if s.Run > 0 {
		fmt.Fprintf(w, "version %d, deployed %s ago, run %d, %d of %d workers, %s\n", s.Version, ago(s.Deployed), s.Run, s.Workers, s.Wanted, plural(s.Tasks, "task"))
	}
	if c := s.Change; c != nil {
		fmt.Fprintf(w, "%s for %s: %s\n", c.Kind, ago(c.Started), because(c.Step, strings.Join(append(c.Waiting, c.Why), "; ")))
	}
	if o := s.Last; o != nil {
		how := "done"
		if !o.OK {
			how = because("failed", o.Why)
		}
		fmt.Fprintf(w, "last change: %s %s ago: %s\n", o.Kind, ago(o.Ended), how)
	}
	for _, l := range s.LogLevels {
		fmt.Fprintln(w, levelText(l))
	}
	if len(s.Components) > 0 {
		fmt.Fprintln(w)
		t := newTable("component", "kind", "ready", "state", "")
		for _, c := range s.Components {
			t.AppendRow([]any{c.Component, c.Kind, fmt.Sprintf("%d/%d", c.Ready, c.Tasks), c.State, firstLine(harmless(c.Why), 120)})
		}
		renderTable(w, t)
	}
	if len(s.WorkerList) > 0 {
		fmt.Fprintln(w)
		t := newTable("worker", "host", "slot", "run", "pid", "tasks", "state", "since", "")
		for i, x := range s.WorkerList {
			pid := ""
			if x.PID > 0 {
				pid = fmt.Sprint(x.PID)
			}
			t.AppendRow([]any{i + 1, x.Host, x.Slot, x.Run, pid, x.Tasks, x.State, since(x.Started), firstLine(harmless(x.Why), 120)})
		}
		renderTable(w, t)
	}
	if len(s.Versions) > 0 {
		fmt.Fprintln(w)
		t := newTable("version", "deployed", "bundle", "KiB")
		for _, v := range s.Versions {
			t.AppendRow([]any{v.Number, v.Deployed.Local().Format(time.DateTime), v.Bundle[:min(len(v.Bundle), 12)], (v.Size + 1023) >> 10})
		}
		renderTable(w, t)
	}
}

// because words a state with its reason.
func because(state, why string) string {
	if why = strings.Trim(harmless(why), "; "); why != "" {
		return state + " (" + firstLine(why, 500) + ")"
	}
	return state
}
