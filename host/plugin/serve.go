package plugin

import (
	"context"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"

	"github.com/polybolt/polybolt/host/scheduler"
)

// Serve is the main function of a plugin in Go: it answers with schedule until
// nimbus ends it. schedule may be called concurrently.
func Serve(schedule func(scheduler.Problem) scheduler.Answer) {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         goplugin.PluginSet{pluginName: &glue{server: serving(schedule)}},
		GRPCServer:      goplugin.DefaultGRPCServer,
		Logger:          hclog.NewNullLogger(),
	})
}

// serving answers with a function.
type serving func(scheduler.Problem) scheduler.Answer

func (s serving) answer(_ context.Context, q *Question) (*Reply, error) {
	a := s(q.problem())
	r := &Reply{Slots: []Slot{}, Tasks: a.Tasks}
	for _, slot := range a.Slots {
		r.Slots = append(r.Slots, Slot(slot))
	}
	return r, nil
}
