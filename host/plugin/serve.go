package plugin

import (
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/sink"
)

// ServeScheduler is the main function of a scheduler plugin in Go: it answers
// with schedule until nimbus ends it. schedule may be called concurrently.
func ServeScheduler(schedule func(scheduler.Problem) scheduler.Answer) {
	serve(&schedulers, answerer(schedule))
}

// ServeAuthorizer is the main function of an authorizer plugin in Go. An error
// other than a refusal is told to the asker, who may not then.
func ServeAuthorizer(a api.Authorizer) { serve(&authorizers, deciding(a)) }

// ServeSink is the main function of a sink plugin in Go. After an error, which
// nimbus logs, the events are delivered once more.
func ServeSink(s sink.Sink) { serve(&sinks, taking(s)) }

func serve(k *kind, a answering) {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: k.handshake(),
		Plugins:         goplugin.PluginSet{pluginName: &glue{kind: k, server: a}},
		GRPCServer:      goplugin.DefaultGRPCServer,
		Logger:          hclog.NewNullLogger(),
	})
}
