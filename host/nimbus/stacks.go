package nimbus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

// Bounds of a question for stacks.
const (
	stacksTimeout = 8 * time.Second // a worker waits 5 s for a child
	maxStackTasks = 64              // that are asked at once
	maxStacks     = 8 << 20         // bytes of one answer
)

// Stacks implements [api.Prober].
func (n *Nimbus) Stacks(ctx context.Context, name topology.Name, component topology.ComponentID, task topology.TaskID) ([]api.Stacks, error) {
	list, alive, err := n.placed(ctx, name, component, task)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, stacksTimeout)
	defer cancel()
	var wg crash.Group
	for i := range list {
		s, a := &list[i], alive[i]
		if a == nil {
			s.Why = "its worker is not there"
			continue
		}
		s.Host = a.Host
		wg.Go(func() {
			got, err := askStacks(ctx, &n.workers, *a, s.Task)
			if err != nil {
				s.Why = fmt.Sprintf("its worker does not say: %v", err)
				return
			}
			s.PID, s.Runtime, s.Text, s.Why = got.PID, got.Runtime, got.Text, got.Why
		})
	}
	wg.Wait()
	return list, nil
}

// placed returns the tasks that are asked about, and the processes they run in.
func (n *Nimbus) placed(ctx context.Context, name topology.Name, component topology.ComponentID, task topology.TaskID) (list []api.Stacks, alive []*cluster.Alive, err error) {
	return list, alive, n.look(ctx, func(l *leader) error {
		r, err := l.running(name)
		if err != nil {
			return err
		}
		if r.def.Component(component) == nil {
			return api.Errorf(api.CodeInvalid, "%s has no component %.64q: there are %s", name, string(component), components(r.def))
		}
		var all []string
		for i, x := range r.def.Tasks() {
			if x.Component.ID != component {
				continue
			}
			all = append(all, fmt.Sprint(x.ID))
			at := r.assignment.Tasks[i]
			if task != 0 && x.ID != task || at < 0 || at >= len(r.assignment.Workers) {
				continue
			}
			place := r.assignment.Workers[at].Place
			list = append(list, api.Stacks{Component: component, Task: x.ID, Place: place.String()})
			alive = append(alive, r.process(place))
		}
		if task != 0 && !slices.Contains(all, fmt.Sprint(task)) {
			return api.Errorf(api.CodeInvalid, "%s has no task %d: there are %s", component, task, strings.Join(all, ", "))
		}
		if len(list) > maxStackTasks {
			return api.Errorf(api.CodeInvalid, "%s has %d tasks: name one of them, %s[%s]", component, len(list), component, all[0])
		}
		return nil
	})
}

func askStacks(ctx context.Context, workers *workerClients, a cluster.Alive, task topology.TaskID) (*api.Stacks, error) {
	answer, err := workers.ask(ctx, a, fmt.Sprintf("/v1/stacks?task=%d", task))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var s api.Stacks
	return &s, json.NewDecoder(io.LimitReader(answer.Body, maxStacks)).Decode(&s)
}
