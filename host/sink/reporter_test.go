package sink

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a cluster with one topology.
type service struct {
	api.Service // what is not asked for

	mu      sync.Mutex
	asked   int    // guarded by mu: for figures
	state   string // guarded by mu
	err     error  // guarded by mu: of everything
	metrics []api.Metric
}

func (s *service) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *service) Cluster(context.Context) (*api.Cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &api.Cluster{}, s.err
}

func (s *service) List(context.Context) ([]api.Topology, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []api.Topology{{Name: "t", State: s.state}}, s.err
}

func (s *service) Figures(context.Context, topology.Name) (*api.Figures, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return &api.Figures{Workers: []api.WorkerFigures{{Place: "m.0.0", Acked: int64(s.asked), Tasks: []api.TaskFigures{{Component: "c", Task: 1, Metrics: s.metrics}}}}}, s.err
}

func (s *service) Status(context.Context, topology.Name) (*api.Status, error) {
	return &api.Status{}, nil
}

func (s *service) Errors(context.Context, topology.Name) ([]api.ComponentErrors, error) {
	return nil, nil
}

// memory is a sink.
type memory struct {
	mu   sync.Mutex
	err  error // guarded by mu: what it answers
	hang bool  // guarded by mu
	list []*Delivery
	last time.Time // guarded by mu: when it was asked last
}

func (m *memory) Take(ctx context.Context, d *Delivery) error {
	m.mu.Lock()
	hang, err := m.hang, m.err
	m.last = time.Now()
	if err == nil && !hang {
		m.list = append(m.list, d)
	}
	m.mu.Unlock()
	if hang {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return err
}

func (m *memory) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// take returns what has arrived since it was last asked.
func (m *memory) take() (events []Event, figures map[string]float64, dropped [2]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	figures = map[string]float64{}
	for _, d := range m.list {
		events = append(events, d.Events...)
		for _, f := range d.Figures {
			figures[f.Name] = f.Value
		}
		dropped[0] += d.DroppedEvents
		dropped[1] += d.DroppedFigures
	}
	m.list = nil
	return events, figures, dropped
}

// report runs a reporter in a bubble whose clock stands still unless all wait.
func report(t *testing.T, f func(*testing.T, *Reporter, *service, *memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, m := &service{state: "active"}, &memory{}
		r, err := NewReporter(Options{Service: s, Interval: 10 * time.Second, Sink: m, Name: "n", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { r.Run(ctx) })
		synctest.Wait()
		f(t, r, s, m)
		cancel()
		wg.Wait()
	})
}

// Figures come every interval, events at once; workers are asked once for both.
func TestReporterDelivers(t *testing.T) {
	t.Parallel()
	report(t, func(t *testing.T, r *Reporter, s *service, m *memory) {
		events, figures, _ := m.take()
		if len(events) != 0 || figures["polybolt_worker_trees_acked_total"] != 1 {
			t.Errorf("at first: %+v, %v", events, figures)
		}
		r.Audited(api.Audited{Change: "kill", Topology: "t", Role: api.Operator, From: "::1", Err: "no", What: api.Details{{Key: "wait", Value: "3s"}}})
		synctest.Wait()
		if events, figures, _ := m.take(); len(events) != 1 || len(figures) != 0 || events[0].ID != "n-1" || events[0].Kind != Audit || !events[0].Bad || events[0].Text != "kill, by the token of the operator: no" || events[0].Detail != "wait=3s" {
			t.Errorf("an audit: %+v", events)
		}
		s.set(func() {
			s.state = "inactive"
			s.metrics = []api.Metric{{Name: "odd", Kind: "gauge", Value: math.NaN()}, {Name: "even", Kind: "gauge", Value: math.Inf(1)}}
		})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		events, figures, _ = m.take()
		if len(events) != 1 || events[0].Kind != State || events[0].Text != "active → inactive" || figures["polybolt_worker_trees_acked_total"] != 2 {
			t.Errorf("after an interval: %+v, %v", events, figures)
		}
		if _, odd := figures["polybolt_user_gauge"]; odd {
			t.Error("what JSON cannot write is among the figures")
		}
	})
}

// While another nimbus leads nothing is told; afterwards, what is there is old.
func TestReporterOfAStandby(t *testing.T) {
	t.Parallel()
	report(t, func(t *testing.T, r *Reporter, s *service, m *memory) {
		m.take()
		s.set(func() { s.err = api.Errorf(api.CodeNoLeader, "not me") })
		time.Sleep(time.Minute)
		s.set(func() { s.err, s.state = nil, "inactive" })
		if events, figures, _ := m.take(); len(events)+len(figures) > 0 {
			t.Errorf("a standby tells %v, %v", events, figures)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if events, figures, _ := m.take(); len(events) != 0 || len(figures) == 0 {
			t.Errorf("a new leader tells %+v, %v", events, figures)
		}
	})
}

// A sink that refuses, or hangs, holds nobody up: what has happened meanwhile
// arrives in order, as much as there is room for, and how much did not is told.
func TestReporterFailsOpen(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*memory){
		"refuses": func(m *memory) { m.err = errors.New("no") },
		"hangs":   func(m *memory) { m.hang = true },
	} {
		t.Run(name, func(t *testing.T) {
			report(t, func(t *testing.T, r *Reporter, s *service, m *memory) {
				m.take()
				m.set(func() { broken(m) })
				began := time.Now()
				for range maxQueued + 500 {
					r.Note(Event{Kind: State, Text: "x"})
				}
				if time.Since(began) != 0 {
					t.Error("somebody has waited for a sink")
				}
				time.Sleep(10 * time.Minute)
				m.mu.Lock()
				idle := time.Since(m.last)
				m.mu.Unlock()
				if idle > mostPause+takeTimeout {
					t.Errorf("it is tried again after %v", idle)
				}
				m.set(func() { m.err, m.hang = nil, false })
				time.Sleep(2 * (mostPause + takeTimeout))
				synctest.Wait()
				events, figures, dropped := m.take()
				if len(events) != maxQueued || events[0].ID != "n-1" || events[maxQueued-1].ID != "n-10000" || dropped[0] != 500 {
					t.Errorf("%d events arrived, %d were dropped", len(events), dropped[0])
				}
				if len(figures) == 0 || dropped[1] == 0 {
					t.Errorf("figures: %v, %d were dropped", figures, dropped[1])
				}
				r.Note(Event{Kind: State, Text: "y"})
				synctest.Wait()
				if events, _, dropped := m.take(); len(events) != 1 || events[0].ID != "n-10501" || dropped[0] != 0 {
					t.Errorf("and then %+v, %v", events, dropped)
				}
			})
		})
	}
}

// What waits when everything ends gets one more chance, and no more time than is due.
func TestReporterEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r, err := NewReporter(Options{Service: &service{err: errors.New("no")}, Interval: time.Hour, Sink: m, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.Note(Event{Text: "last words"})
		r.Run(ctx)
		if events, _, _ := m.take(); len(events) != 1 {
			t.Errorf("%+v", events)
		}
		m.hang = true
		r.Note(Event{Text: "last words"})
		began := time.Now()
		r.Run(ctx)
		if took := time.Since(began); took > lastTimeout {
			t.Errorf("the end took %v", took)
		}
	})
	if _, err := NewReporter(Options{Interval: time.Millisecond}); err == nil {
		t.Error("a millisecond is enough")
	}
}
