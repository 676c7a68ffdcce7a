package sink_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/sink"
	"github.com/polybolt/polybolt/host/sink/sinktest"
)

func TestFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	sinktest.Run(t, sinktest.Subject{
		Sink:    sink.NewFile(file),
		Events:  func() ([]sink.Event, error) { events, _, err := sinktest.ReadFile(file); return events, err },
		Figures: func() ([]sink.Figure, error) { _, figures, err := sinktest.ReadFile(file); return figures, err },
	})
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"kind":"dropped","dropped_figures":4,"dropped_events":3}`) {
		t.Errorf("%v: it does not say what was dropped", err)
	}
}

// Lines of a log: no audits, which are there already, and no figures.
func TestLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := sink.Log{Logger: slog.New(slog.NewTextHandler(&b, nil))}
	if err := s.Take(t.Context(), &sink.Delivery{
		Time:    time.Now(),
		Figures: []sink.Figure{{Name: "polybolt_x", Kind: "gauge", Value: 1}},
		Events: []sink.Event{
			{ID: "1", Kind: sink.Audit, Text: "kill, by alice"},
			{ID: "2", Kind: sink.Failure, Topology: "t", Component: "split", Bad: true, Count: 3, Text: "ValueError: no"},
			{ID: "3", Kind: sink.State, Topology: "t", Text: "active"},
		},
		DroppedEvents: 5,
	}); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "level=WARN msg=event kind=error text=\"ValueError: no\"") || !strings.Contains(lines[0], "topology=t component=split count=3") ||
		!strings.Contains(lines[1], "level=INFO msg=event kind=state text=active") || !strings.Contains(lines[2], "events dropped") {
		t.Error(b.String())
	}
}
