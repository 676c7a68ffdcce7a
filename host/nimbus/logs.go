package nimbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

// Bounds of what is collected from log servers.
const (
	logWait    = 8 * time.Second        // for the lines that are there already
	logGather  = 150 * time.Millisecond // lines that are followed are put in order over as long
	logsAtOnce = 1024                   // lines on their way from log servers
)

// logServers lists the log servers that may have lines of a topology, or of a
// component, which need not be deployed any more: its logs outlive it. What
// nobody has heard of is CodeNotFound.
func (n *Nimbus) logServers(ctx context.Context, name topology.Name, component topology.ComponentID) ([]cluster.LogServer, error) {
	absent, err := n.absent(ctx, name, component)
	if err != nil {
		return nil, err
	}
	list, err := n.c.LogServers(ctx)
	if err != nil {
		return nil, n.explain(err)
	}
	if absent != nil && !hasLines(ctx, list, name, component) {
		return nil, absent
	}
	if len(list) == 0 {
		return nil, api.Errorf(api.CodeRefused, "no log server is there: supervisors start them; is one running?")
	}
	return list, nil
}

// absent says that a topology is not there, or has no such component, if that is so.
func (n *Nimbus) absent(ctx context.Context, name topology.Name, component topology.ComponentID) (absent *api.Error, err error) {
	return absent, n.look(ctx, func(l *leader) error {
		v, err := l.find(name)
		if errors.As(err, &absent) || component == "" {
			return nil
		}
		var names []string
		if r := shown(v); r != nil {
			if r.def.Component(component) != nil {
				return nil
			}
			for _, c := range r.def.Components {
				names = append(names, string(c.ID))
			}
		}
		absent = api.Errorf(api.CodeNotFound, "%s has no component %.64q%s", name, string(component), topology.Suggest(string(component), names))
		return nil
	})
}

// hasLines tells whether there are logs of a topology, or of a component, or
// there may be: somebody who may have them does not answer.
func hasLines(ctx context.Context, servers []cluster.LogServer, name topology.Name, component topology.ComponentID) bool {
	ctx, cancel := context.WithTimeout(ctx, logWait)
	defer cancel()
	ask := func(ctx context.Context, s *api.LogServer, send func(api.LogLine) error) error {
		return s.Logs(ctx, api.LogQuery{Topology: name, Component: component, Tail: 1}, send)
	}
	found := false
	_ = each(ctx, servers, ask, lostLine, func(lines <-chan api.LogLine) error { // what is lost is found, too
		_, found = <-lines
		return nil
	})
	return found || ctx.Err() != nil
}

// errDeaf ends what log servers say when nobody listens any more.
var errDeaf = errors.New("nobody listens any more")

// each asks all log servers at once, and passes on what they say, one value
// after another, to f, whose error ends it. What a server cannot say is told to lost.
func each[T any](ctx context.Context, servers []cluster.LogServer, ask func(context.Context, *api.LogServer, func(T) error) error, lost func(cluster.LogServer, error) T, f func(<-chan T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	values := make(chan T, logsAtOnce) // closed when all servers have said everything
	var wg crash.Group
	send := func(v T) error {
		select {
		case values <- v:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, s := range servers {
		wg.Go(func() {
			client := api.NewLogServer(s.Address, s.Token, s.Pin)
			defer client.Close()
			if err := ask(ctx, client, send); err != nil && !errors.Is(context.Cause(ctx), errDeaf) {
				values <- lost(s, err) // also when the time is over; it is read until all have ended
			}
		})
	}
	crash.Go(func() {
		wg.Wait()
		close(values)
	})
	err := f(values)
	cancel(errDeaf)
	for range values { // so that all have ended
	}
	return err
}

// lostLine says, as a line, that a machine's lines are missing.
func lostLine(s cluster.LogServer, err error) api.LogLine {
	return api.LogLine{Time: time.Now().UTC(), Host: s.Host, Level: "ERROR", Text: "(" + missing(s, err).Error() + ")"}
}

// missing says why there is nothing from a log server.
func missing(s cluster.LogServer, err error) error {
	var refused *api.Error
	if errors.As(err, &refused) && refused.Code == api.CodeBusy {
		return fmt.Errorf("the log server of %s at %s is busy: %w", s.Host, s.Address, err)
	}
	return fmt.Errorf("the log server of %s at %s does not answer: %w", s.Host, s.Address, err)
}

// Logs implements [api.Service].
func (n *Nimbus) Logs(ctx context.Context, q api.LogQuery, f func(api.LogLine) error) error {
	servers, err := n.logServers(ctx, q.Topology, q.Component)
	if err != nil {
		return err
	}
	if !q.Follow {
		lines := lastLines(ctx, q, servers)
		return passAll(lines[max(0, len(lines)-q.Tail):], q, len(lines) > q.Tail, f)
	}
	// What is written while the last lines are read waits.
	r := n.follows.join(q, servers)
	defer n.follows.leave(r)
	r.begin(ctx)
	had := newSeen(nil)
	if !q.FromNow {
		lines := lastLines(ctx, q, servers)
		had = newSeen(lines)
		if err := passAll(lines[max(0, len(lines)-q.Tail):], q, len(lines) > q.Tail, f); err != nil {
			return err
		}
	}
	return r.read(ctx, had, f)
}

// lastLines reads the last lines of each log server, in the order of time, with
// what is lost.
func lastLines(ctx context.Context, q api.LogQuery, servers []cluster.LogServer) []api.LogLine {
	ctx, cancel := context.WithTimeout(ctx, logWait)
	defer cancel()
	q.Follow = false
	ask := func(ctx context.Context, s *api.LogServer, send func(api.LogLine) error) error {
		return s.Logs(ctx, q, send)
	}
	var all []api.LogLine
	_ = each(ctx, servers, ask, lostLine, func(lines <-chan api.LogLine) error { // what is lost is a line
		for l := range lines {
			all = append(all, l)
		}
		return nil
	})
	sortLines(all)
	return all
}

// passAll passes lines on, and says so if lines that were asked for are left out.
func passAll(lines []api.LogLine, q api.LogQuery, left bool, f func(api.LogLine) error) error {
	if left && !q.Since.IsZero() && len(lines) > 0 {
		if err := f(api.LeftOut(lines[0].Time, "")); err != nil {
			return err
		}
	}
	for _, l := range lines {
		if err := f(l); err != nil {
			return err
		}
	}
	return nil
}

// inOrder passes on lines as they come; those that come at about the same time
// are put in the order of their times.
func inOrder(ctx context.Context, lines <-chan api.LogLine, f func(api.LogLine) error) error {
	ticker := time.NewTicker(logGather)
	defer ticker.Stop()
	var waiting []api.LogLine
	flush := func() error {
		sortLines(waiting)
		for _, l := range waiting {
			if err := f(l); err != nil {
				return err
			}
		}
		waiting = waiting[:0]
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return flush()
		case l, more := <-lines:
			if !more {
				return flush()
			}
			if waiting = append(waiting, l); len(waiting) < logsAtOnce {
				continue
			}
		case <-ticker.C:
		}
		if err := flush(); err != nil {
			return err
		}
	}
}

// sortLines orders lines by time. Lines without one stay behind those they follow.
func sortLines(lines []api.LogLine) {
	last := map[string]time.Time{}
	for i, l := range lines {
		at := l.Host + " " + l.Place
		if l.Time.IsZero() {
			lines[i].Time = last[at]
		} else {
			last[at] = l.Time
		}
	}
	slices.SortStableFunc(lines, func(a, b api.LogLine) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Host, b.Host)) })
}

// Dead implements [api.Service].
func (n *Nimbus) Dead(ctx context.Context, name topology.Name, tail int, f func(api.DeadTuple) error) error {
	servers, err := n.logServers(ctx, name, "")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, logWait)
	defer cancel()
	var mu sync.Mutex
	var failed []error
	ask := func(ctx context.Context, s *api.LogServer, send func(api.DeadTuple) error) error {
		return s.Dead(ctx, name, tail, send)
	}
	lost := func(s cluster.LogServer, err error) api.DeadTuple {
		mu.Lock()
		defer mu.Unlock()
		failed = append(failed, missing(s, err))
		return api.DeadTuple{}
	}
	err = each(ctx, servers, ask, lost, func(tuples <-chan api.DeadTuple) error {
		for d := range tuples {
			if d.Tuple == nil {
				continue // of a server that is lost
			}
			if err := f(d); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && len(failed) > 0 {
		err = api.Errorf(api.CodeUnavailable, "%v", errors.Join(failed...))
	}
	return err
}
