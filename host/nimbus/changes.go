package nimbus

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// Change implements [api.Service].
func (n *Nimbus) Change(ctx context.Context, name topology.Name, r api.ChangeRequest) (*api.Accepted, error) {
	l, err := n.leading()
	if err != nil {
		return nil, err
	}
	var a *api.Accepted
	err = l.submit(ctx, func(ctx context.Context) error {
		v, err := l.find(name)
		if err != nil {
			return err
		}
		switch r.Verb {
		case api.Activate, api.Deactivate:
			a, err = l.setActive(ctx, v, r.Verb == api.Activate)
		case api.Kill:
			a, err = l.kill(ctx, v, r)
		case api.Rebalance:
			a, err = l.rebalance(ctx, v, r)
		case api.Rollback:
			a, err = l.rollback(ctx, v, r)
		case api.SetLevel:
			a, err = l.setLevel(ctx, v, r)
		default:
			err = api.Errorf(api.CodeInvalid, "there is no change %.40q", string(r.Verb))
		}
		return err
	})
	return a, n.explain(err)
}

// setActive starts or pauses the spouts of the run that serves.
func (l *leader) setActive(ctx context.Context, v *view, active bool) (*api.Accepted, error) {
	if err := busy(v); err != nil {
		return nil, err
	}
	what := map[bool]string{true: "active", false: "inactive"}[active]
	if v.top.Active == active {
		return &api.Accepted{Text: fmt.Sprintf("%s is %s already", v.top.Name, what)}, nil
	}
	r := v.serving()
	if r == nil {
		return nil, api.Errorf(api.CodeConflict, "%s does not run: deploy it again", v.top.Name)
	}
	top, run := v.top, r.run
	top.Active = active
	run.Mode = desired(&top)
	var b cluster.Batch
	b.SetTopology(&top, v.version)
	b.SetRun(&run, r.version)
	return &api.Accepted{Text: fmt.Sprintf("%s is %s", top.Name, what)}, l.save(ctx, top.Name, &b)
}

// kill ends a topology, whatever is under way.
func (l *leader) kill(ctx context.Context, v *view, r api.ChangeRequest) (*api.Accepted, error) {
	wait := time.Duration(0)
	for _, run := range v.runs {
		wait = max(wait, run.def.Config.MessageTimeout)
	}
	if r.Wait != nil {
		wait = *r.Wait
	}
	if wait < 0 || wait > maxDrain {
		return nil, api.Errorf(api.CodeInvalid, "--wait must be from 0 to %v", maxDrain)
	}
	now := l.world.now
	top := v.top
	id := cluster.NewIncarnation()
	if ch := top.Change; ch != nil && ch.Kind == cluster.Kill {
		again := *ch
		again.Drain = cluster.Duration(wait)
		top.Change, id = &again, ch.ID
	} else {
		top.Change = &cluster.Change{ID: id, Kind: cluster.Kill, Step: cluster.Quiesce, Started: now, Entered: now, Drain: cluster.Duration(wait)}
	}
	var b cluster.Batch
	c := &change{w: l.world, v: v, t: top, c: top.Change, b: &b}
	if top.Change.Step == cluster.Quiesce {
		pauseAll(c)
	}
	b.SetTopology(&c.t, v.version)
	return &api.Accepted{ID: string(id), Text: fmt.Sprintf("%s ends when its tuples in flight are done, in %v at the latest", top.Name, wait)}, l.save(ctx, top.Name, &b)
}

// rebalance gives a topology another number of workers, which moves only what
// must move, or another parallelism, which takes a new run: keys go to other tasks.
func (l *leader) rebalance(ctx context.Context, v *view, r api.ChangeRequest) (*api.Accepted, error) {
	if err := busy(v); err != nil {
		return nil, err
	}
	run := v.serving()
	if run == nil {
		return nil, api.Errorf(api.CodeConflict, "%s does not run: deploy it again", v.top.Name)
	}
	if r.Workers == 0 && len(r.Parallelism) == 0 {
		return nil, api.Errorf(api.CodeInvalid, "say what to change: --workers N or --parallelism COMPONENT=N")
	}
	set := run.run.Set
	if r.Workers != 0 {
		set = override(set, "config.workers", r.Workers)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Parallelism)) {
		c := run.def.Component(id)
		if c == nil {
			return nil, api.Errorf(api.CodeInvalid, "%s has no component %.64q: it has %s", v.top.Name, string(id), components(run.def))
		}
		set = override(set, fmt.Sprintf("%ss.%s.parallelism", c.Kind, id), r.Parallelism[id])
	}
	version, err := l.version(ctx, v.top.Name, run.run.Version)
	if err != nil {
		return nil, err
	}
	def, err := define(version, set)
	if err != nil {
		return nil, api.Errorf(api.CodeInvalid, "%v", err)
	}
	top := v.top
	var b cluster.Batch
	if len(r.Parallelism) == 0 {
		// The assignment goes with it: workers look at both when one changes.
		changed := *run
		changed.run.Set, changed.def = set, def
		want, have := min(r.Workers, len(def.Tasks())), len(l.world.candidates(v, run).slots)
		if want > have && want > len(run.assignment.Workers) {
			return nil, api.Errorf(api.CodeRefused, "%s would want %d workers, and there are %d slots that it has or could have: ask for fewer, or start another supervisor", top.Name, want, have)
		}
		p := &plan{}
		p.batch.SetRun(&changed.run, run.version)
		l.world.maintain(v, &changed, p)
		text := fmt.Sprintf("%s now wants %d workers", top.Name, want)
		if want < r.Workers {
			text += ", one for each of its tasks"
		}
		return &api.Accepted{Text: text}, l.save(ctx, top.Name, &p.batch)
	}
	if r.Timeout <= 0 || r.Timeout > maxTimeout || r.Drain < 0 || r.Drain > maxDrain {
		return nil, api.Errorf(api.CodeInvalid, "--timeout must be from 1ns to %v, --drain from 0 to %v", maxTimeout, maxDrain)
	}
	id := l.bringUp(v, &top, &b, bringUp{kind: cluster.Rebalance, version: version, set: set, def: def, timeout: r.Timeout, drain: r.Drain})
	b.SetTopology(&top, v.version)
	return &api.Accepted{ID: string(id), Text: fmt.Sprintf("%s is brought up with its new parallelism", top.Name)}, l.save(ctx, top.Name, &b)
}

// override adds an option, in place of an earlier one for the same path.
func override(set []string, path string, n int) []string {
	list := slices.DeleteFunc(slices.Clone(set), func(s string) bool { return strings.HasPrefix(s, path+"=") })
	return append(list, fmt.Sprintf("%s=%d", path, n))
}

func components(def *topology.Topology) string {
	var names []string
	for _, c := range def.Components {
		names = append(names, string(c.ID))
	}
	return strings.Join(names, ", ")
}

// rollback brings an earlier version up again.
func (l *leader) rollback(ctx context.Context, v *view, r api.ChangeRequest) (*api.Accepted, error) {
	if err := busy(v); err != nil {
		return nil, err
	}
	if r.Timeout <= 0 || r.Timeout > maxTimeout || r.Drain < 0 || r.Drain > maxDrain {
		return nil, api.Errorf(api.CodeInvalid, "--timeout must be from 1ns to %v, --drain from 0 to %v", maxTimeout, maxDrain)
	}
	serves := 0
	if run := v.serving(); run != nil {
		serves = run.run.Version
	}
	number := r.Version
	if number == 0 {
		for _, n := range v.versions {
			if n < serves {
				number = n
			}
		}
	}
	switch {
	case number == 0:
		return nil, api.Errorf(api.CodeInvalid, "no version before %d is kept of %s", serves, v.top.Name)
	case !slices.Contains(v.versions, number):
		return nil, api.Errorf(api.CodeInvalid, "version %d of %s is not kept: there are %s", number, v.top.Name, strings.Trim(fmt.Sprint(v.versions), "[]"))
	case number == serves:
		return nil, api.Errorf(api.CodeInvalid, "version %d of %s is the one that runs", number, v.top.Name)
	}
	version, err := l.version(ctx, v.top.Name, number)
	if err != nil {
		return nil, err
	}
	def, err := define(version, version.Set)
	if err != nil {
		return nil, fmt.Errorf("version %d of %s: %w", number, v.top.Name, err)
	}
	top := v.top
	var b cluster.Batch
	id := l.bringUp(v, &top, &b, bringUp{kind: cluster.Rollback, version: version, set: version.Set, def: def, timeout: r.Timeout, drain: r.Drain})
	b.SetTopology(&top, v.version)
	return &api.Accepted{ID: string(id), Text: fmt.Sprintf("%s goes back to version %d", top.Name, number)}, l.save(ctx, top.Name, &b)
}
