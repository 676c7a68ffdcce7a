package metrics

import "slices"

// Sample is a value of a page.
type Sample struct {
	Name   string // of its family
	Kind   Kind
	Labels []Label // not to be changed
	Value  float64
}

// Samples returns what was added to the page, in the order in which it was.
func (p *Page) Samples() []Sample { return slices.Clone(p.samples) }
