package host

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/plugin"
	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/sink"
)

// PluginOptions say what a nimbus leaves to others. Commands are the program
// and its arguments; empty: the built-in does it.
type PluginOptions struct {
	Scheduler  []string // decides where tasks run
	Authorizer []string // decides who may do what
	Sink       []string // takes figures and events; there is none by default
	Checksums  []string // FILE=SHA256 of their files

	SinkFile     string        // takes figures and events, too; [SinkLog]: the log takes events; empty: none
	SinkInterval time.Duration // between two figures
}

// SinkLog is the [PluginOptions].SinkFile that means the log of nimbus.
const SinkLog = "-"

// DefaultPluginOptions returns options with which everything is left to the built-ins.
func DefaultPluginOptions() PluginOptions {
	return PluginOptions{SinkInterval: sink.DefaultInterval}
}

// plugins are what does those things.
type plugins struct {
	schedule   func(scheduler.Problem) scheduler.Answer // nil: the built-in
	authorizer api.Authorizer
	sink       sink.Sink // nil: none
	closers    []func()
}

// close ends all of them, and waits for that.
func (p *plugins) close() {
	for _, f := range p.closers {
		f()
	}
}

// open returns what does those things. It starts nothing.
func (o *PluginOptions) open(log *slog.Logger) (p *plugins, err error) {
	p = &plugins{authorizer: api.ByRole{}}
	fill := func(f plugin.Options, command []string) plugin.Options {
		f.Command, f.Checksums, f.Log = command, o.Checksums, log
		return f
	}
	if len(o.Scheduler) > 0 {
		s, err := plugin.NewScheduler(fill(plugin.SchedulerOptions(), o.Scheduler))
		if err != nil {
			return nil, err
		}
		p.schedule, p.closers = s.Schedule, append(p.closers, s.Close)
	}
	if len(o.Authorizer) > 0 {
		a, err := plugin.NewAuthorizer(fill(plugin.AuthorizerOptions(), o.Authorizer))
		if err != nil {
			return nil, err
		}
		p.authorizer, p.closers = a, append(p.closers, a.Close)
	}
	switch {
	case len(o.Sink) > 0 && o.SinkFile != "":
		return nil, errors.New("there is one sink: give --sink, or --sink-file")
	case len(o.Sink) > 0:
		s, err := plugin.NewSink(fill(plugin.SinkOptions(), o.Sink))
		if err != nil {
			return nil, err
		}
		p.sink, p.closers = s, append(p.closers, s.Close)
	case o.SinkFile == SinkLog:
		p.sink = sink.Log{Logger: log}
	case o.SinkFile != "":
		p.sink = sink.NewFile(o.SinkFile)
	}
	return p, nil
}

// reporter returns what tells the sink of a nimbus; nil if there is no sink.
func (o *PluginOptions) reporter(p *plugins, service api.Service, self cluster.Incarnation, log *slog.Logger) (*sink.Reporter, error) {
	if p.sink == nil {
		return nil, nil
	}
	return sink.NewReporter(sink.Options{Service: service, Interval: o.SinkInterval, Sink: p.sink, Name: string(self), Log: log})
}

// report runs a reporter, if there is one.
func report(ctx context.Context, r *sink.Reporter) {
	if r != nil {
		r.Run(ctx)
	}
}
