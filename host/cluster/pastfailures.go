package cluster

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/host/topology"
)

// PastFailures are the errors of a run that is over, of all its workers. Two
// runs of a topology have them: the last that was given up, and the last that
// served and was replaced. They are written by nimbus, and go with the topology.
type PastFailures struct {
	Run        int        `json:"run"`
	Version    int        `json:"version"`
	GivenUp    bool       `json:"given_up"` // it never served
	Components []Failures `json:"components"`
}

// maxPast bounds the texts of a record, in bytes: it fits a node whatever they are.
const maxPast = 200 << 10

// size is about what a failure takes in a record, in bytes.
func (f *Failure) size() int {
	n := 500 + len(f.Kind+f.Type+f.Place+f.texts())
	if f.First != nil {
		n += 300 + len(f.First.texts())
	}
	return n
}

// Fit leaves out failures until the record fits a node: of the component that
// has most of them, one after the first. Counts stay as they are.
func (p *PastFailures) Fit() {
	total := 0
	p.Components = slices.Clone(p.Components)
	for i := range p.Components {
		f := &p.Components[i]
		f.List = slices.Clone(f.List)
		total += 200
		for j := range f.List {
			total += f.List[j].size()
		}
	}
	for total > maxPast {
		most := slices.MaxFunc(p.Components, func(a, b Failures) int { return len(a.List) - len(b.List) }).List
		if len(most) == 0 {
			break
		}
		for i := range p.Components {
			if f := &p.Components[i]; len(f.List) == len(most) {
				out := min(1, len(f.List)-1)
				total -= f.List[out].size()
				f.List = slices.Delete(f.List, out, out+1)
				break
			}
		}
	}
}

func (*PastFailures) kind() string { return "past-failures" }

// Validate bounds what another process wrote.
func (p *PastFailures) Validate() error {
	var c checks
	c.number("run", p.Run, 1, maxSerial)
	c.number("version", p.Version, 1, maxSerial)
	c.number("the number of components", len(p.Components), 0, maxReported)
	for i := range p.Components {
		p.Components[i].validate(&c)
	}
	return c.done()
}

func pastFailuresPath(name topology.Name, givenUp bool) string {
	how := "failures.replaced"
	if givenUp {
		how = "failures.given-up"
	}
	return path.Join(topologyPath(name), how)
}

// KeepFailures replaces what is kept of a run that ended in the same way.
// ErrGone: there is no such topology.
func (t *Term) KeepFailures(ctx context.Context, name topology.Name, p *PastFailures) error {
	data, err := encode(p)
	if err != nil {
		return err
	}
	node := pastFailuresPath(name, p.GivenUp)
	err = t.apply(ctx, coordinator.Set(node, data, coordinator.AnyVersion))
	if errors.Is(err, ErrGone) {
		err = t.apply(ctx, coordinator.Create(node, data))
	}
	return err
}

// PastFailures reads what is kept of runs that are over: of the one that was
// given up first. What is no good is left out, and told of in bad.
func (c *Cluster) PastFailures(ctx context.Context, name topology.Name) (list []PastFailures, bad, err error) {
	var all []error
	for _, givenUp := range []bool{true, false} {
		var p PastFailures
		_, err := c.get(ctx, pastFailuresPath(name, givenUp), &p)
		there, err := usable(err, &all)
		if err != nil {
			return nil, nil, err
		}
		if there {
			list = append(list, p)
		}
	}
	return list, errors.Join(all...), nil
}
