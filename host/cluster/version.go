package cluster

import (
	"time"

	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/topology"
)

// Version is code as it was deployed. It is written by nimbus once and never
// changed; the last few are kept.
type Version struct {
	Topology topology.Name `json:"topology"`
	Number   int           `json:"number"`
	Bundle   Bundle        `json:"bundle"`
	File     string        `json:"file"`          // the topology's file in the bundle
	Text     string        `json:"text"`          // and what it says
	Set      []string      `json:"set,omitempty"` // PATH=VALUE: what the deploy changed of it
	Deployed time.Time     `json:"deployed"`
}

// Bundle names packed code.
type Bundle struct {
	Hash blob.Hash `json:"hash"`
	Size int64     `json:"size"` // bytes, packed
}

// Validate bounds what another process wrote.
func (b Bundle) Validate() error {
	var c checks
	c.err(b.Hash.Validate())
	c.that(b.Size > 0 && b.Size <= MaxBundle, "a bundle of %d bytes", b.Size)
	return c.done()
}

// maxSet bounds the options of a version or a run.
const maxSet = 1000

func (*Version) kind() string { return "version" }

// Validate bounds what another process wrote.
func (v *Version) Validate() error {
	var c checks
	c.that(validName(string(v.Topology)), "%.100q is no name of a topology", v.Topology)
	c.number("version", v.Number, 1, maxSerial)
	c.err(v.Bundle.Validate())
	c.text("file", v.File, 1000)
	c.number("the number of options", len(v.Set), 0, maxSet)
	return c.done()
}
