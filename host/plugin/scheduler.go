package plugin

import (
	"context"
	"encoding/json"
	"fmt"

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

	Components []string `json:"components,omitempty"` // whose each task is
}

// Reply is a [scheduler.Answer] as it travels.
type Reply struct {
	Slots []Slot `json:"slots"` // in use: some of those of the question, each at most once
	Tasks []int  `json:"tasks"` // for each task, its index into slots
}

// Scheduler asks a plugin where tasks go, and the built-in [scheduler.Even]
// when the plugin has no good answer. Its methods may be called concurrently.
type Scheduler struct{ p *program }

// NewScheduler returns a scheduler. The plugin is started by the first question.
func NewScheduler(o Options) (*Scheduler, error) {
	p, err := newProgram(&schedulers, o)
	if err != nil {
		return nil, err
	}
	return &Scheduler{p}, nil
}

// Schedule answers a problem. It never fails, and takes no longer than the
// times of the options allow.
func (s *Scheduler) Schedule(p scheduler.Problem) scheduler.Answer {
	var r Reply
	live, err := s.p.ask(context.Background(), question(p), &r)
	if err != nil {
		s.p.blame(live, err) // if it lives yet: an error that it tells of is a failure, too
		return scheduler.Even(p)
	}
	a := scheduler.Answer{Tasks: r.Tasks}
	for _, slot := range r.Slots {
		a.Slots = append(a.Slots, scheduler.Slot(slot))
	}
	if err := scheduler.Check(p, a); err != nil {
		s.p.blame(live, fmt.Errorf("its answer is none: %w", err))
		return scheduler.Even(p)
	}
	return a
}

// Close ends the plugin, and waits until it has ended. After that the built-in decides.
func (s *Scheduler) Close() { s.p.close() }

// answerer answers with a function.
func answerer(schedule func(scheduler.Problem) scheduler.Answer) answering {
	return func(_ context.Context, text []byte) (any, error) {
		var q Question
		if err := json.Unmarshal(text, &q); err != nil {
			return nil, err
		}
		a := schedule(q.problem())
		r := &Reply{Slots: []Slot{}, Tasks: a.Tasks}
		for _, slot := range a.Slots {
			r.Slots = append(r.Slots, Slot(slot))
		}
		return r, nil
	}
}

// question turns a problem into what travels.
func question(p scheduler.Problem) *Question {
	q := &Question{Tasks: p.Tasks, Workers: p.Workers, Slots: []Slot{}, Free: p.Free, Components: p.Components}
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
	p := scheduler.Problem{Tasks: q.Tasks, Workers: q.Workers, Free: q.Free, Components: q.Components}
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
