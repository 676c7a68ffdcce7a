// Package sinktest holds any [sink.Sink] to what the reporter counts on.
package sinktest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/sink"
)

// Subject is a sink under test, and what has arrived behind it: both functions
// return all so far, in order. Figures may be nil, for a sink of events alone.
type Subject struct {
	Sink    sink.Sink
	Events  func() ([]sink.Event, error)
	Figures func() ([]sink.Figure, error)
}

// Run delivers to a sink, and looks at what has arrived.
func Run(t *testing.T, s Subject) {
	var events []sink.Event
	var figures []sink.Figure
	for name, d := range deliveries() {
		if err := s.Sink.Take(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		events, figures = append(events, d.Events...), append(figures, d.Figures...)
		s.check(t, name, events, figures)
	}
	// Whoever does not wait for it gets an error, and the sink goes on.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Sink.Take(gone, &sink.Delivery{Events: []sink.Event{event(9000)}}); err == nil {
		t.Error("a delivery that nobody waited for was taken")
	}
	last := event(9001)
	if err := s.Sink.Take(t.Context(), &sink.Delivery{Events: []sink.Event{last}}); err != nil {
		t.Error(err)
	}
	s.check(t, "after that", append(events, last), figures)
}

func (s *Subject) check(t *testing.T, name string, events []sink.Event, figures []sink.Figure) {
	t.Helper()
	got, err := s.Events()
	if diff := cmp.Diff(events, got); err != nil || diff != "" {
		t.Fatalf("%s: %v\nevents (-want +got):\n%.2000s", name, err, diff)
	}
	if s.Figures == nil {
		return
	}
	if got, err := s.Figures(); err != nil || cmp.Diff(figures, got) != "" {
		t.Fatalf("%s: %v\nfigures (-want +got):\n%.2000s", name, err, cmp.Diff(figures, got))
	}
}

var began = time.Date(2031, 2, 3, 4, 5, 6, 789, time.UTC)

func event(n int) sink.Event {
	return sink.Event{ID: fmt.Sprintf("nimbus-%d", n), Time: began.Add(time.Duration(n) * time.Second), Kind: sink.State, Topology: "word-count", Text: fmt.Sprintf("event %d", n)}
}

// deliveries are those of a day: an ordinary one, none of something, texts that
// somebody may have meant ill, and as many as there can be.
func deliveries() func(yield func(string, *sink.Delivery) bool) {
	full := sink.Event{
		ID: "nimbus-1", Time: began, Kind: sink.Failure, Topology: "t", Component: "split", Task: 3, Worker: "0123456789ab.1.0", Host: "alpha", Who: "alice", Role: "admin", From: "::1",
		Bad: true, Count: 7, Text: "ValueError: no", Detail: "Traceback:\n  line 1\n",
	}
	figure := sink.Figure{Name: "polybolt_task_acked_total", Kind: "counter", Labels: map[string]string{"topology": "t", "task": "3"}, Value: 12345678901}
	hard := event(2)
	hard.Text, hard.Detail = "quo\"tes \\ <b>&amp;</b> \t \u2028 🦑 {\"id\":1}", strings.Repeat("é\n", 4000)
	odd := figure
	odd.Labels = maps.Clone(figure.Labels)
	odd.Labels["name"], odd.Value = "a b,c=\"d\"", -0.000125
	many, plenty := &sink.Delivery{Time: began}, &sink.Delivery{Time: began}
	for n := range sink.MaxEvents {
		many.Events = append(many.Events, event(100+n))
	}
	for n := range sink.MaxFigures {
		f := figure
		f.Labels = map[string]string{"topology": "a-topology-with-a-long-name", "worker": "0123456789ab.1.0", "component": "a-component", "task": fmt.Sprint(n)}
		f.Value = float64(n)
		plenty.Figures = append(plenty.Figures, f)
	}
	list := []struct {
		name string
		d    *sink.Delivery
	}{
		{"both", &sink.Delivery{Time: began, Events: []sink.Event{full}, Figures: []sink.Figure{figure, {Name: "polybolt_nimbus_leader", Kind: "gauge", Value: 1}}}},
		{"nothing", &sink.Delivery{Time: began}},
		{"some were dropped", &sink.Delivery{Time: began, DroppedEvents: 3, DroppedFigures: 4}},
		{"hard texts", &sink.Delivery{Time: began, Events: []sink.Event{hard}, Figures: []sink.Figure{odd}}},
		{"many events", many},
		{"many figures", plenty},
	}
	return func(yield func(string, *sink.Delivery) bool) {
		for _, x := range list {
			if !yield(x.name, x.d) {
				return
			}
		}
	}
}

// ReadFile reads what a [sink.File] has written.
func ReadFile(path string) (events []sink.Event, figures []sink.Figure, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	for line := range bytes.Lines(text) {
		var x struct {
			sink.Event
			Figures []sink.Figure `json:"figures"`
		}
		if err := json.Unmarshal(line, &x); err != nil {
			return nil, nil, fmt.Errorf("%q: %w", line, err)
		}
		switch x.Kind {
		case "figures":
			figures = append(figures, x.Figures...)
		case "dropped":
		default:
			events = append(events, x.Event)
		}
	}
	return events, figures, nil
}
