package plugin

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/scheduler"
	"github.com/polybolt/polybolt/host/scheduler/schedulertest"
)

// The built-in gives the same answers on both sides of a pipe.
func TestSchedulerBehindAPlugin(t *testing.T) {
	t.Parallel()
	o, logged := patient(SchedulerOptions(), self(t), "even")
	s, err := NewScheduler(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	schedulertest.Run(t, func(p scheduler.Problem) scheduler.Answer {
		a := s.Schedule(p)
		if diff := cmp.Diff(scheduler.Even(p), a); diff != "" {
			t.Errorf("%+v\n%s", p, diff)
		}
		return a
	})
	if logged.count(schedulers.fails) != 0 {
		t.Error(logged)
	}
}

// An answer that would lose a task, or place it where there is nothing, is none.
func TestSchedulerThatTalksNonsense(t *testing.T) {
	t.Parallel()
	o, logged := patient(SchedulerOptions(), self(t), "nonsense")
	s, err := NewScheduler(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for range 3 {
		if diff := cmp.Diff(scheduler.Even(sample), s.Schedule(sample)); diff != "" {
			t.Error(diff)
		}
	}
	if logged.count(schedulers.fails) != 1 || logged.count("its answer is none: it uses slot 99 of elsewhere") != 1 {
		t.Error(logged)
	}
}
