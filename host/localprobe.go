package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/topology"
)

var _ api.Prober = (*localRun)(nil)

// errTapped ends a tap that has shown what it was to show.
var errTapped = errors.New("enough")

// Tap implements [api.Prober].
func (r *localRun) Tap(ctx context.Context, q api.TapQuery, f func(api.TapEvent) error) error {
	err := r.known(q.Topology)
	if err == nil {
		err = q.Check(r.topology)
	}
	if err != nil {
		return err
	}
	tap, err := r.probe.Tap(q)
	if err != nil {
		return api.Errorf(api.CodeRefused, "%v", err) // what was asked for is to be had
	}
	defer tap.Close()
	reading, end := context.WithCancel(ctx)
	defer end()
	if q.For > 0 {
		timer := time.AfterFunc(q.For, end)
		defer timer.Stop()
	}
	var counts api.TapCounts
	shown := 0
	err = process.ReadTap(reading, tap, localPlace, func(b api.TapBatch) error {
		for i := range b.Tuples {
			if err := f(api.TapEvent{Tuple: &b.Tuples[i]}); err != nil {
				return err
			}
			if shown++; shown == q.Limit {
				counts = b.Counts
				return errTapped
			}
		}
		if counts == b.Counts {
			return nil
		}
		counts = b.Counts
		return f(api.TapEvent{Counts: &counts})
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil || errors.Is(err, errTapped):
		return f(api.TapEvent{Counts: &counts})
	}
	return err
}

// Stacks implements [api.Prober].
func (r *localRun) Stacks(ctx context.Context, name topology.Name, component topology.ComponentID, task topology.TaskID) ([]api.Stacks, error) {
	if err := r.known(name); err != nil {
		return nil, err
	}
	if r.topology.Component(component) == nil {
		return nil, api.Errorf(api.CodeInvalid, "%s has no component %.64q", name, string(component))
	}
	var list []api.Stacks
	var all []string
	for _, t := range r.topology.Tasks() {
		if t.Component.ID != component {
			continue
		}
		all = append(all, fmt.Sprint(t.ID))
		if task == 0 || t.ID == task {
			list = append(list, api.Stacks{Component: component, Task: t.ID, Place: localPlace, Host: r.host})
		}
	}
	if list == nil {
		return nil, api.Errorf(api.CodeInvalid, "%s has no task %d: there are %s", component, task, strings.Join(all, ", "))
	}
	var wg crash.Group
	for i := range list {
		wg.Go(func() {
			s := &list[i]
			got, err := r.probe.Stacks(ctx, s.Task)
			if err != nil {
				s.Why = err.Error()
				return
			}
			s.PID, s.Runtime, s.Text, s.Why = got.PID, got.Runtime, got.Text, got.Why
		})
	}
	wg.Wait()
	return list, nil
}
