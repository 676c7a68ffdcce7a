package nimbus

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

const (
	// errorsTimeout bounds the wait for workers that tell their errors; of those
	// that do not there is what they have written.
	errorsTimeout = time.Second

	maxErrors = 32 << 20 // bytes of a worker's answer
)

// failed are the errors of a run, or where they are to be found.
type failed struct {
	run, version int
	was          api.RunState
	id           cluster.RunID
	order        []topology.ComponentID
	places       map[cluster.Place]*cluster.Alive // nil: no worker lives there
	list         []cluster.Failures
}

// Errors implements [api.Service]. Workers that live are asked, as they are for
// figures; those that are gone have left theirs in the coordinator, and the
// leader has kept those of runs that are over.
func (n *Nimbus) Errors(ctx context.Context, name topology.Name) ([]api.ComponentErrors, error) {
	l, err := n.leading()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		var runs []*failed
		err := n.look(ctx, func(l *leader) error {
			v, err := l.find(name)
			if err == nil {
				runs = append(failedRuns(v), pastRuns(v, l.past[name])...)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		gone, err := l.gather(ctx, &n.workers, runs)
		if err != nil {
			return nil, n.explain(err)
		}
		if !gone || try == 3 { // else one of the runs is over by now, and its errors are kept elsewhere
			return tellErrors(runs), nil
		}
	}
}

// failedRuns lists the runs that there are, the one that is shown first.
func failedRuns(v *view) (list []*failed) {
	for _, r := range v.inOrder() {
		f := &failed{run: r.run.ID.Number, version: r.run.Version, was: became(&v.top, r.run.ID.Number), id: r.run.ID, places: map[cluster.Place]*cluster.Alive{}}
		for _, c := range r.def.Components {
			f.order = append(f.order, c.ID)
		}
		for place := range r.nodes {
			f.places[place] = r.process(place)
		}
		list = append(list, f)
	}
	rank := []api.RunState{api.Serves, api.Comes, api.GivenUp, api.Replaced}
	slices.SortStableFunc(list, func(a, b *failed) int { return slices.Index(rank, a.was) - slices.Index(rank, b.was) })
	return list
}

// became tells what a run that there is has become.
func became(top *cluster.Topology, run int) api.RunState {
	switch {
	case run == top.Serving:
		return api.Serves
	case top.Change != nil && top.Change.Run == run && top.Change.Why == "":
		return api.Comes
	case top.Change != nil && top.Change.Run == run:
		return api.GivenUp
	case top.Last != nil && top.Last.Run == run && !top.Last.OK:
		return api.GivenUp
	}
	return api.Replaced
}

// pastRuns lists what is kept of runs that are over.
func pastRuns(v *view, past []cluster.PastFailures) (list []*failed) {
	for _, p := range past {
		if v.run(p.Run) != nil {
			continue // it is about to be removed
		}
		f := &failed{run: p.Run, version: p.Version, was: api.Replaced, list: p.Components}
		if p.GivenUp {
			f.was = api.GivenUp
		}
		for _, c := range p.Components {
			f.order = append(f.order, c.Component)
		}
		list = append(list, f)
	}
	return list
}

// gather fills in the errors of runs that there are; gone: one is not there any more.
func (l *leader) gather(ctx context.Context, clients *workerClients, runs []*failed) (gone bool, err error) {
	for _, r := range runs {
		if r.places == nil {
			continue
		}
		var silent []cluster.Place
		silent, r.list = askFailures(ctx, clients, r.places)
		written, missing, err := l.readFailures(ctx, r.id, silent)
		if err != nil {
			return false, err
		}
		gone = gone || missing
		r.list = append(r.list, written...)
	}
	return gone, nil
}

// askFailures asks the workers that live. Those whose errors are to be read from
// the coordinator are silent. A worker that has not read yet what the one before
// it had written has written nothing itself.
func askFailures(ctx context.Context, clients *workerClients, places map[cluster.Place]*cluster.Alive) (silent []cluster.Place, list []cluster.Failures) {
	ctx, cancel := context.WithTimeout(ctx, errorsTimeout)
	defer cancel()
	living := map[cluster.Place]*cluster.Alive{}
	for place, alive := range places {
		if alive != nil {
			living[place] = alive
		}
	}
	answers, _ := askAll[cluster.WorkerFailures](ctx, clients, living, "/v1/failures", maxErrors) // who does not answer is silent
	for place := range places {
		answer := answers[place]
		if answer == nil || !answer.Whole && len(answer.Failures) == 0 || answer.Validate() != nil {
			silent = append(silent, place)
			continue
		}
		list = append(list, answer.Failures...)
	}
	return silent, list
}

// readFailures reads what the workers in some places have written, a few at a
// time; missing: the run is not there any more.
func (l *leader) readFailures(ctx context.Context, id cluster.RunID, places []cluster.Place) (list []cluster.Failures, missing bool, err error) {
	var mu sync.Mutex
	var wg crash.Group
	room := make(chan struct{}, readingAtOnce)
	for _, place := range places {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			f, bad, ferr := l.c.Failures(ctx, id, place)
			if bad != nil {
				l.o.Log.Warn("a worker's errors are ignored", "err", bad)
			}
			mu.Lock()
			defer mu.Unlock()
			list = append(list, f...)
			switch {
			case errors.Is(ferr, cluster.ErrGone):
				missing = true
			case ferr != nil:
				err = ferr
			}
		})
	}
	wg.Wait()
	return list, missing, err
}

// addUp puts together what all workers tell of each component, in an order.
func addUp(order []topology.ComponentID, told []cluster.Failures) (list []cluster.Failures) {
	for _, id := range order {
		sum := cluster.Failures{Component: id}
		for i := range told {
			if told[i].Component == id {
				sum.Merge(&told[i])
			}
		}
		if sum.Count > 0 {
			list = append(list, sum)
		}
	}
	return list
}

// tellErrors words the errors of runs as they travel.
func tellErrors(runs []*failed) []api.ComponentErrors {
	list := []api.ComponentErrors{}
	for _, r := range runs {
		for _, f := range addUp(r.order, r.list) {
			e := TellErrors(&f)
			e.Run, e.Version, e.Was = r.run, r.version, r.was
			list = append(list, e)
		}
	}
	return list
}

// TellErrors words the errors of a component as they travel, without the run that they are of.
func TellErrors(f *cluster.Failures) api.ComponentErrors {
	e := api.ComponentErrors{Component: f.Component, Count: f.Count, Errors: []api.Failure{}}
	for _, x := range f.List {
		y := api.Failure{Component: f.Component, Kind: x.Kind, Type: x.Type, Place: x.Place, Count: x.Count, Version: x.Version, Occurrence: api.Occurrence(x.Occurrence)}
		if x.First != nil {
			first := api.Occurrence(*x.First)
			y.First = &first
		}
		e.Errors = append(e.Errors, y)
	}
	return e
}

// errorsPatience bounds what a status waits for errors: it tells the rest without them.
const errorsPatience = 2 * time.Second

// addErrors has a status say how often components failed, and how last.
func (n *Nimbus) addErrors(ctx context.Context, s *api.Status) {
	ctx, cancel := context.WithTimeout(ctx, errorsPatience)
	defer cancel()
	if list, err := n.Errors(ctx, s.Name); err == nil { // else whoever asks for the errors is told
		noteErrors(s, list)
	}
}

// noteErrors adds to a status what there is to say of errors in it.
func noteErrors(s *api.Status, list []api.ComponentErrors) {
	for _, e := range list {
		if len(e.Errors) == 0 {
			continue // there was no room for them
		}
		last := slices.MaxFunc(e.Errors, func(a, b api.Failure) int { return a.Time.Compare(b.Time) })
		note := func(of []api.ComponentStatus) {
			for i := range of {
				if of[i].Component == e.Component {
					of[i].Errors, of[i].LastError = e.Count, &api.ErrorLine{Time: last.Time, Text: errorLine(&last)}
				}
			}
		}
		changes := s.Change != nil && s.Change.Run == e.Run
		if e.Run == s.Run {
			note(s.Components)
		}
		if changes {
			note(s.Change.Components)
		}
		givenUp := s.Last != nil && s.Last.Run == e.Run && !s.Last.OK
		if (e.Was == api.Serves || changes || givenUp) && (s.LastError == nil || last.Time.After(s.LastError.Time)) {
			s.LastError = &api.LastError{Run: e.Run, Was: e.Was, Failure: last}
		}
	}
}

// errorLine words an error in a line.
func errorLine(f *api.Failure) string {
	text, _, _ := strings.Cut(strings.TrimSpace(f.Message), "\n")
	if f.Type != "" {
		text = f.Type + ": " + text
	}
	return cluster.Cut(text, 200)
}
