package plugin

import (
	"context"
	"encoding/json"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// kind is something that a plugin can be.
type kind struct {
	name    string // in the environment of the plugin, and for people
	service string // of gRPC
	method  string // the only one
	fails   string // what is logged when a plugin of this kind fails: what happens then
	starter starter
}

// What happens when a plugin fails is up to its kind: work is placed somehow,
// rights are not given away, and figures are not worth waiting for.
var (
	schedulers  = kind{name: "scheduler", service: "polybolt.Scheduler", method: "Schedule", fails: "the scheduler plugin fails: the built-in scheduler decides"}
	authorizers = kind{name: "authorizer", service: "polybolt.Authorizer", method: "Authorize", fails: "the authorizer plugin fails: nobody may do anything until it is back"}
	sinks       = kind{name: "sink", service: "polybolt.Sink", method: "Take", fails: "the sink plugin fails: what it is to be told waits, and is dropped when that is too much"}
)

// pluginName is what go-plugin calls the only thing that a plugin offers.
const pluginName = "plugin"

// handshake is what both sides know, so that nobody takes another program for
// a plugin, or a plugin for one of another kind. It is no secret.
func (k *kind) handshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "POLYBOLT_PLUGIN", MagicCookieValue: k.name}
}

// codec is JSON in gRPC, so that a plugin needs no generated code.
type codec struct{}

func (codec) Name() string { return "json" }

func (codec) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

func (codec) Unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

func init() { encoding.RegisterCodec(codec{}) } // which may be done nowhere else (grpc/encoding)

// answering is what serves questions: it returns what is sent back, as JSON.
type answering func(ctx context.Context, question []byte) (any, error)

// describe describes a kind's service to gRPC, in place of generated code.
func (k *kind) describe() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: k.service,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: k.method,
			Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				var question json.RawMessage
				if err := decode(&question); err != nil {
					return nil, err
				}
				return srv.(answering)(ctx, question)
			},
		}},
	}
}

// glue is both ends of a plugin, as go-plugin wants them.
type glue struct {
	goplugin.NetRPCUnsupportedPlugin
	kind   *kind
	server answering // of the plugin's end
}

var _ goplugin.GRPCPlugin = (*glue)(nil)

// GRPCServer implements [goplugin.GRPCPlugin].
func (g *glue) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(g.kind.describe(), g.server)
	return nil
}

// GRPCClient implements [goplugin.GRPCPlugin].
func (g *glue) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return c, nil
}
