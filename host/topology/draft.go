package topology

import (
	"slices"
	"time"
)

// unset marks a timeout that a component leaves to the topology's config.
const unset time.Duration = -1

// draft is a topology as a front end read it: every value has its type, what
// it means together is not yet checked. Front ends fill drafts, [draft.check]
// judges them, and [draft.finish] makes the topology. Each problem has the
// place and the path that the front end noted.
type draft struct {
	name   string
	named  bool  // a name could be read
	at     place // of the name, or of the beginning
	config Config
	parts  []*part // in the order of the file
	cut    bool    // there are more of them: how they are joined is not judged
}

// part is a component of a draft.
type part struct {
	Component
	at        place // of its key
	command   []place
	streams   []streamPlaces // as many as Outputs
	inputs    []wire
	batch     place
	multilang place
	opaque    bool // its outputs could not all be read: nobody is told that one is missing
	cut       bool // its inputs could not all be read: it is not called unreachable
}

// streamPlaces says where a stream and its fields stand.
type streamPlaces struct {
	at     place
	fields []place
}

// wire is an input of a draft with its places.
type wire struct {
	Input
	at, from, stream, group place
	fields                  []place
	broken                  bool // the stream or the grouping could not be read: it is not judged
}

// newPart returns a component with every default.
func newPart(id string, kind Kind, at place) *part {
	p := &part{at: at}
	p.Component = Component{
		ID: ComponentID(id), Kind: kind, Parallelism: 1, Pos: at.Pos,
		Timeouts: Timeouts{Startup: unset, Heartbeat: unset, Process: unset},
	}
	if kind == Spout {
		p.Retries = DefaultRetries
	} else {
		p.Concurrency = DefaultConcurrency
	}
	return p
}

// finish returns the topology of a draft, which means something if that was checked.
func (d *draft) finish(file string) *Topology {
	t := &Topology{Name: Name(d.name), Config: d.config, File: file}
	slices.SortStableFunc(d.parts, func(a, b *part) int { return int(a.Kind) - int(b.Kind) })
	for _, p := range d.parts {
		c := p.Component
		inherit(&c.Timeouts.Startup, d.config.Defaults.Startup)
		inherit(&c.Timeouts.Heartbeat, d.config.Defaults.Heartbeat)
		inherit(&c.Timeouts.Process, d.config.Defaults.Process)
		for _, at := range p.command {
			c.CommandPos = append(c.CommandPos, at.Pos)
		}
		for _, w := range p.inputs {
			c.Inputs = append(c.Inputs, w.Input)
		}
		t.Components = append(t.Components, &c)
	}
	return t
}

func inherit(d *time.Duration, general time.Duration) {
	if *d == unset {
		*d = general
	}
}
