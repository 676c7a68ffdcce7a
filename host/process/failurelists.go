package process

import (
	"slices"
	"sync"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// FailureLists keep the first and the last errors of each component. The zero
// value has none. The methods may be called concurrently.
type FailureLists struct {
	mu    sync.Mutex
	lists map[topology.ComponentID]*cluster.Failures // guarded by mu
}

// Add takes a failure. One that is like another replaces it, and has the count of both.
func (f *FailureLists) Add(x api.Failure) {
	r := cluster.Failure{Time: x.Time, Task: x.Task, Host: x.Host, Kind: x.Kind, Type: x.Type, Message: x.Message, Place: x.Place, Traceback: x.Traceback, Count: max(x.Count, 1),
		From: x.From, Tuple: x.Tuple, Attempt: x.Attempt, Worker: x.Worker, Version: x.Version}
	r.Cut()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lists == nil {
		f.lists = map[topology.ComponentID]*cluster.Failures{}
	}
	l := f.lists[x.Component]
	if l == nil {
		l = &cluster.Failures{Component: x.Component}
		f.lists[x.Component] = l
	}
	at := slices.IndexFunc(l.List, func(o cluster.Failure) bool { return o.Kind == r.Kind && o.Type == r.Type && o.Place == r.Place })
	switch {
	case at >= 0:
		l.Count += max(r.Count-l.List[at].Count, 0)
		if r.Traceback == "" { // only the first one of a kind tells it
			r.Traceback = l.List[at].Traceback
		}
		if at == 0 {
			l.List[0].Count = r.Count // the first stays the first
			break
		}
		l.List = append(slices.Delete(l.List, at, at+1), r)
	default:
		l.Count += r.Count
		if len(l.List) == cluster.MaxFailures {
			l.List = slices.Delete(l.List, 1, 2)
		}
		l.List = append(l.List, r)
	}
}

// Of returns what is kept of a component.
func (f *FailureLists) Of(id topology.ComponentID) cluster.Failures {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.lists[id]
	if l == nil {
		return cluster.Failures{Component: id}
	}
	return cluster.Failures{Component: id, Count: l.Count, List: slices.Clone(l.List)}
}
