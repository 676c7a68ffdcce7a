package api

import (
	"context"
	"net/http"

	"github.com/polybolt/polybolt/host/topology"
)

// Inspector is a second power of a [Service]: to show what a topology is made of.
// A handler whose service lacks it answers CodeNotFound.
type Inspector interface {
	// Definition returns what runs under a name. CodeNotFound, also while
	// nothing runs yet.
	Definition(ctx context.Context, name topology.Name) (*Definition, error)
}

// Definition is what a topology is made of: the graph, and the file.
type Definition struct {
	Name       topology.Name `json:"name"`
	Version    int           `json:"version"`
	Run        int           `json:"run"`
	Workers    int           `json:"workers"`    // that are wanted
	YAML       string        `json:"yaml"`       // canonical: with what --set changed, without what has its default
	Components []Component   `json:"components"` // spouts first
	Edges      []Edge        `json:"edges"`
}

// Component is a spout or bolt of a Definition.
type Component struct {
	ID          topology.ComponentID `json:"id"`
	Kind        string               `json:"kind"` // spout or bolt
	Command     []string             `json:"command"`
	Parallelism int                  `json:"parallelism"`
	Streams     []Stream             `json:"streams"`
}

// Stream is an output of a Component.
type Stream struct {
	ID     topology.StreamID `json:"id"`
	Fields []string          `json:"fields"`
}

// Edge is a stream from one component to another.
type Edge struct {
	From     topology.ComponentID `json:"from"`
	To       topology.ComponentID `json:"to"`
	Stream   topology.StreamID    `json:"stream"`
	Grouping string               `json:"grouping"`         // as in the file
	Fields   []string             `json:"fields,omitempty"` // of the grouping
}

// Define describes a topology. It fails only for one that topology.Load would
// not return.
func Define(t *topology.Topology) (*Definition, error) {
	text, err := topology.Marshal(t)
	if err != nil {
		return nil, err
	}
	d := &Definition{Name: t.Name, Workers: t.Config.Workers, YAML: string(text), Components: []Component{}, Edges: []Edge{}}
	for _, c := range t.Components {
		view := Component{ID: c.ID, Kind: c.Kind.String(), Command: c.Command, Parallelism: c.Parallelism, Streams: []Stream{}}
		for _, s := range c.Outputs {
			view.Streams = append(view.Streams, Stream{s.ID, s.Fields})
		}
		d.Components = append(d.Components, view)
		for _, in := range c.Inputs {
			d.Edges = append(d.Edges, Edge{From: in.From, To: c.ID, Stream: in.Stream, Grouping: in.Group.Kind.String(), Fields: in.Group.Fields})
		}
	}
	return d, nil
}

func (h *handler) definition(w http.ResponseWriter, r *http.Request) {
	i, ok := h.Service.(Inspector)
	if !ok {
		h.fail(w, r, Errorf(CodeNotFound, "this service shows no definitions"))
		return
	}
	d, err := i.Definition(r.Context(), name(r))
	h.reply(w, r, d, err)
}

// hasComponent returns CodeNotFound if a topology has no such component, as far
// as the service shows what it is made of.
func (h *handler) hasComponent(ctx context.Context, name topology.Name, component topology.ComponentID) error {
	i, ok := h.Service.(Inspector)
	if !ok {
		return nil
	}
	d, err := i.Definition(ctx, name)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range d.Components {
		if c.ID == component {
			return nil
		}
		names = append(names, string(c.ID))
	}
	return Errorf(CodeNotFound, "%s has no component %.64q%s", name, string(component), topology.Suggest(string(component), names))
}
