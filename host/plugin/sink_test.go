package plugin

import (
	"path/filepath"
	"testing"

	"github.com/polybolt/polybolt/host/sink"
	"github.com/polybolt/polybolt/host/sink/sinktest"
)

// The built-in takes the same on both sides of a pipe.
func TestSinkBehindAPlugin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	o, logged := patient(SinkOptions(), self(t), "even", file)
	s, err := NewSink(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	sinktest.Run(t, sinktest.Subject{
		Sink:    s,
		Events:  func() ([]sink.Event, error) { events, _, err := sinktest.ReadFile(file); return events, err },
		Figures: func() ([]sink.Figure, error) { _, figures, err := sinktest.ReadFile(file); return figures, err },
	})
	if logged.count(sinks.fails) != 0 || logged.count("plugin runs") != 1 {
		t.Error(logged)
	}
}
