package host

import (
	"context"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/plainjson"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

var _ process.Prober = (*probe)(nil)

// probe looks into the components of a worker.
type probe struct {
	worker   *worker.Worker
	topology *topology.Topology
}

// Tap implements [process.Prober].
func (p *probe) Tap(q api.TapQuery) (process.Tap, error) {
	where, err := q.Condition()
	if err != nil {
		return nil, err
	}
	if q.Sample == 0 {
		q.Sample = 1
	}
	t, err := p.worker.Tap(worker.TapOptions{From: q.From, Stream: q.Stream, To: q.To, Where: where, Sample: q.Sample, Fields: q.Fields})
	if err != nil {
		return nil, err // and not a tap that is nil
	}
	return engineTap{t}, nil
}

// Stacks implements [process.Prober].
func (p *probe) Stacks(ctx context.Context, task topology.TaskID) (*api.Stacks, error) {
	s, err := p.worker.Stacks(ctx, task)
	if s == nil {
		s = &worker.Stacks{}
	}
	got := &api.Stacks{Task: task, PID: s.PID, Runtime: s.Runtime, Text: s.Text}
	if err != nil {
		got.Why = err.Error()
	}
	return got, nil
}

// levelOf are the levels of logs by their names.
var levelOf = map[string]worker.Level{"": worker.LevelUsual, "trace": worker.LevelTrace, "debug": worker.LevelDebug, "info": worker.LevelInfo, "warn": worker.LevelWarn, "error": worker.LevelError}

// SetLevels implements [process.Prober].
func (p *probe) SetLevels(of func(topology.ComponentID) string) {
	for _, c := range p.topology.Components {
		p.worker.SetLevel(c.ID, levelOf[of(c.ID)])
	}
}

// engineTap is a tap as it travels.
type engineTap struct{ *worker.Tap }

// Take implements [process.Tap].
func (t engineTap) Take(n int) ([]api.TapTuple, api.TapCounts, error) {
	taken, counts, err := t.Tap.Take(n)
	if err != nil {
		return nil, api.TapCounts{}, err
	}
	tuples := make([]api.TapTuple, len(taken))
	for i, x := range taken {
		tuples[i] = api.TapTuple{Time: x.Time, Component: x.Component, Task: x.Task, Stream: x.Stream}
		if tuples[i].Values, err = object(x.Fields, x.Values); err != nil {
			return nil, api.TapCounts{}, err
		}
	}
	return tuples, api.TapCounts(counts), nil
}

// object writes an object whose keys stand in the order given.
func object(keys []string, values []any) ([]byte, error) {
	text := []byte{'{'}
	for i, key := range keys {
		k, err := plainjson.Marshal(key)
		if err != nil {
			return nil, err
		}
		v, err := plainjson.Marshal(values[i])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, k...), ':'), v...)
	}
	return append(text, '}'), nil
}
