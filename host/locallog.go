package host

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

var _ process.Observer = (*localRun)(nil)

// Line implements [process.Observer].
func (r *localRun) Line(l process.Line) {
	line := api.LogLine{Time: l.Time.UTC(), Host: r.host, Component: l.Component, Task: l.Task, PID: l.PID, Level: l.Level, Logger: l.Logger, Text: strings.TrimRight(l.Text, "\r\n")}
	if l.Raw {
		line.Level = ""
	}
	r.lines.add(line, len(line.Text)+lineCost)
}

// lineCost is about what a line takes besides its text, in bytes.
const lineCost = 200

// Failure implements [process.Observer]. It is a line of the log, too, as in a cluster's.
func (r *localRun) Failure(f api.Failure) {
	f.Host = r.host
	line := api.LogLine{Time: f.Time.UTC(), Host: r.host, Component: f.Component, Task: f.Task, Level: "ERROR", Text: "component failed",
		More: map[string]any{"kind": f.Kind, "err": f.Message, "count": f.Count, "traceback": f.Traceback}}
	r.lines.add(line, len(f.Message)+len(f.Traceback)+lineCost)
}

// State implements [process.Observer]: whoever asks is told the state of that moment.
func (r *localRun) State(process.TaskState) {}

// Logs implements [api.Service].
func (r *localRun) Logs(ctx context.Context, q api.LogQuery, f func(api.LogLine) error) error {
	if err := r.known(q.Topology); err != nil {
		return err
	}
	list, _, next, fresh := r.lines.since(0)
	if q.Component != "" {
		list = ofComponent(list, q.Component)
	}
	for list = list[max(0, len(list)-q.Tail):]; ; {
		for _, l := range list {
			if err := f(l); err != nil {
				return err
			}
		}
		if !q.Follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-fresh:
		}
		var gone int64
		if list, gone, next, fresh = r.lines.since(next); q.Component != "" {
			list = ofComponent(list, q.Component)
		}
		if gone > 0 {
			lost := api.LogLine{Time: time.Now().UTC(), Host: r.host, Level: "WARN", Text: fmt.Sprintf("(%d lines came faster than they were read, and are left out)", gone)}
			list = append([]api.LogLine{lost}, list...)
		}
	}
}

func ofComponent(list []api.LogLine, id topology.ComponentID) (of []api.LogLine) {
	for _, l := range list {
		if l.Component == id {
			of = append(of, l)
		}
	}
	return of
}

// Dead implements [api.Service]: those of this run.
func (r *localRun) Dead(_ context.Context, name topology.Name, tail int, f func(api.DeadTuple) error) error {
	if err := r.known(name); err != nil {
		return err
	}
	list, _, _, _ := r.dead.since(0)
	for _, d := range list[max(0, len(list)-tail):] {
		if err := f(d); err != nil {
			return err
		}
	}
	return nil
}

// localDead keeps tuples that are given up where they are kept anyway, and shows them.
type localDead struct {
	worker.DeadLetters
	run *localRun
}

// Bury implements [worker.DeadLetters].
func (d localDead) Bury(t *worker.DeadTuple) error {
	if err := d.DeadLetters.Bury(t); err != nil {
		return err
	}
	line, err := t.MarshalLine()
	if err != nil {
		return err
	}
	d.run.dead.add(api.DeadTuple{Host: d.run.host, Place: localPlace, Tuple: json.RawMessage(line)}, len(line))
	return nil
}

// observers tell several what happens in a worker.
type observers []worker.Observer

// Line implements [worker.Observer].
func (o observers) Line(l worker.Line) {
	for _, x := range o {
		x.Line(l)
	}
}

// Failure implements [worker.Observer].
func (o observers) Failure(f worker.Failure) {
	for _, x := range o {
		x.Failure(f)
	}
}

// State implements [worker.Observer].
func (o observers) State(s worker.TaskState) {
	for _, x := range o {
		x.State(s)
	}
}

// localHandler makes lines of what the worker itself logs.
type localHandler struct {
	run   *localRun
	attrs []slog.Attr
}

// Enabled implements [slog.Handler].
func (h localHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle implements [slog.Handler].
func (h localHandler) Handle(_ context.Context, r slog.Record) error {
	line := api.LogLine{Time: r.Time.UTC(), Host: h.run.host, Level: r.Level.String(), Text: r.Message, More: map[string]any{}}
	add := func(a slog.Attr) bool {
		switch v := a.Value.Resolve(); {
		case a.Key == "component":
			line.Component = topology.ComponentID(v.String())
		case a.Key == "task" && v.Kind() == slog.KindInt64:
			line.Task = topology.TaskID(v.Int64())
		case a.Key == "pid" && v.Kind() == slog.KindInt64:
			line.PID = int(v.Int64())
		default:
			line.More[a.Key] = v.String()
		}
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	h.run.lines.add(line, len(line.Text)+lineCost)
	return nil
}

// WithAttrs implements [slog.Handler].
func (h localHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return localHandler{h.run, append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

// WithGroup implements [slog.Handler]: nobody here makes groups, and their attributes would still be told.
func (h localHandler) WithGroup(string) slog.Handler { return h }
