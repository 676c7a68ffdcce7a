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
		t := newTable("component", "kind", "ready", "state", "errors", "")
		for _, c := range s.Components {
			t.AppendRow([]any{c.Component, c.Kind, fmt.Sprintf("%d/%d", c.Ready, c.Tasks), c.State, c.Errors, aboutComponent(&c)})
		}
		renderTable(w, t)
	}
	lastError(w, s)
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

// aboutComponent says what is wrong with a component, in a line.
func aboutComponent(c *api.ComponentStatus) string {
	switch {
	case c.Why != "":
		return firstLine(harmless(c.Why), 120)
	case c.LastError != nil:
		return firstLine(fmt.Sprintf("%s ago: %s", ago(c.LastError.Time), harmless(c.LastError.Text)), 120)
	}
	return ""
}

// lastLines is how much of a traceback a status shows: its end says most.
const lastLines = 8

// lastError shows the last error of user code, and where there are more.
func lastError(w io.Writer, s *api.Status) {
	e := s.LastError
	if e == nil {
		return
	}
	fmt.Fprintf(w, "\nlast error, %s ago, %s, task %d on %s%s:\n", ago(e.Time), e.Component, e.Task, e.Host, errorsOfRun(e.Run, e.Version, e.Was))
	text := e.Traceback
	if text == "" {
		text = strings.TrimPrefix(e.Type+": "+e.Message, ": ")
	}
	lines := strings.Split(strings.TrimSpace(harmless(text)), "\n")
	if len(lines) > lastLines {
		lines = append([]string{"…"}, lines[len(lines)-lastLines:]...)
	}
	for _, l := range lines {
		fmt.Fprintln(w, "  "+firstLine(l, 500))
	}
	fmt.Fprintf(w, "all of them, with their tuples: polybolt errors %s\n", s.Name)
}

// because words a state with its reason.
func because(state, why string) string {
	if why = strings.Trim(harmless(why), "; "); why != "" {
		return state + " (" + firstLine(why, 500) + ")"
	}
	return state
}
