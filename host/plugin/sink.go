package plugin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/polybolt/polybolt/host/sink"
)

// Receipt is a sink's answer as it travels: there is nothing to say. The
// question is a [sink.Delivery].
type Receipt struct{}

var _ sink.Sink = (*Sink)(nil)

// Sink hands figures and events to a plugin. It fails open: what calls it keeps
// what was not taken, as long as there is room.
type Sink struct{ p *program }

// NewSink returns a sink. The plugin is started by the first delivery.
func NewSink(o Options) (*Sink, error) {
	p, err := newProgram(&sinks, o)
	if err != nil {
		return nil, err
	}
	return &Sink{p}, nil
}

// Take implements [sink.Sink].
func (s *Sink) Take(ctx context.Context, d *sink.Delivery) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, err := s.p.ask(ctx, d, &Receipt{}); err != nil {
		return fmt.Errorf("the sink plugin: %w", err)
	}
	return nil
}

// Close ends the plugin, and waits until it has ended.
func (s *Sink) Close() { s.p.close() }

// taking answers with a sink.
func taking(s sink.Sink) answering {
	return func(ctx context.Context, text []byte) (any, error) {
		var d sink.Delivery
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, err
		}
		return &Receipt{}, s.Take(ctx, &d)
	}
}
