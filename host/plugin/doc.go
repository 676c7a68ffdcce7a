// Package plugin lets others decide what is decided seldom, in a process of
// their own: today, where tasks run. A plugin that dies, hangs or talks
// nonsense costs a few seconds once; then the built-in does its work, the log
// says so, and the plugin is tried again later.
//
// A plugin in Go calls [Serve]; example has a whole one. In another language
// it does what hashicorp/go-plugin asks for: if the environment holds
// POLYBOLT_PLUGIN=scheduler, listen, and print the line
//
//	1|1|unix|PATH OF THE SOCKET|grpc
//
// then serve gRPC there: grpc.health.v1.Health, which says SERVING for the
// service "plugin", and polybolt.Scheduler with the one method Schedule. Its
// request and its answer are not protobuf but JSON, [Question] and [Reply].
// End when that is asked for by plugin.GRPCController, or by a signal. What is
// written on stderr goes to the log of nimbus.
//
// The same question should have the same answer: nimbus asks again whenever
// something may have changed, and moves what the answer moves.
package plugin

import (
	"context"
	"encoding/json"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"

	"github.com/polybolt/polybolt/host/scheduler"
)

// Slot is a [scheduler.Slot] as it travels.
type Slot struct {
	Machine string `json:"machine"`
	Number  int    `json:"number"`
	Shared  bool   `json:"shared,omitempty"` // use it only where no other is left
}

// Question is a [scheduler.Problem] as it travels.
type Question struct {
	Tasks   int            `json:"tasks"`            // how many, numbered from 0
	Workers int            `json:"workers"`          // how many are wanted at most
	Slots   []Slot         `json:"slots"`            // that may be used
	Before  []*Slot        `json:"before,omitempty"` // where each task was; null: nowhere
	Free    map[string]int `json:"free,omitempty"`   // by machine: slots that nobody uses
}

// Reply is a [scheduler.Answer] as it travels.
type Reply struct {
	Slots []Slot `json:"slots"` // in use: some of those of the question, each at most once
	Tasks []int  `json:"tasks"` // for each task, its index into slots
}

// handshake is what both sides know, so that nobody takes another program for
// a plugin. It is no secret.
var handshake = goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "POLYBOLT_PLUGIN", MagicCookieValue: "scheduler"}

const (
	pluginName     = "scheduler"
	serviceName    = "polybolt.Scheduler"
	scheduleMethod = "Schedule"
)

// codec is JSON in gRPC, so that a plugin needs no generated code.
type codec struct{}

func (codec) Name() string { return "json" }

func (codec) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

func (codec) Unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

func init() { encoding.RegisterCodec(codec{}) } // which may be done nowhere else (grpc/encoding)

// answering is what serves questions.
type answering interface {
	answer(context.Context, *Question) (*Reply, error)
}

// service describes the service to gRPC, in place of generated code.
var service = grpc.ServiceDesc{
	ServiceName: serviceName,
	HandlerType: (*answering)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: scheduleMethod,
		Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var q Question
			if err := decode(&q); err != nil {
				return nil, err
			}
			return srv.(answering).answer(ctx, &q)
		},
	}},
}

// glue is both ends of a plugin, as go-plugin wants them.
type glue struct {
	goplugin.NetRPCUnsupportedPlugin
	server answering // of the plugin's end
}

var _ goplugin.GRPCPlugin = (*glue)(nil)

// GRPCServer implements [goplugin.GRPCPlugin].
func (g *glue) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&service, g.server)
	return nil
}

// GRPCClient implements [goplugin.GRPCPlugin].
func (g *glue) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return c, nil
}

// question turns a problem into what travels.
func question(p scheduler.Problem) *Question {
	q := &Question{Tasks: p.Tasks, Workers: p.Workers, Slots: []Slot{}, Free: p.Free}
	for _, s := range p.Slots {
		q.Slots = append(q.Slots, Slot(s))
	}
	for _, b := range p.Before {
		var at *Slot
		if b != (scheduler.Slot{}) {
			at = &Slot{Machine: b.Machine, Number: b.Number}
		}
		q.Before = append(q.Before, at)
	}
	return q
}

// problem turns it back.
func (q *Question) problem() scheduler.Problem {
	p := scheduler.Problem{Tasks: q.Tasks, Workers: q.Workers, Free: q.Free}
	for _, s := range q.Slots {
		p.Slots = append(p.Slots, scheduler.Slot(s))
	}
	for _, b := range q.Before {
		var at scheduler.Slot
		if b != nil {
			at = scheduler.Slot{Machine: b.Machine, Number: b.Number}
		}
		p.Before = append(p.Before, at)
	}
	return p
}
