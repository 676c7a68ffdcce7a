package cluster

import (
	"slices"
	"time"
)

// Run is a version as it is brought up. It is written by nimbus, and watched
// by the run's workers.
type Run struct {
	ID      RunID     `json:"id"`
	Version int       `json:"version"`
	Bundle  Bundle    `json:"bundle"`
	File    string    `json:"file"`          // the topology's file in the bundle
	Set     []string  `json:"set,omitempty"` // PATH=VALUE: what deploy and rebalance changed of it
	Mode    Mode      `json:"mode"`
	Created time.Time `json:"created"`

	LogLevels []LogLevel `json:"log_levels,omitempty"` // see Levels
}

// Mode is what a run's spouts are to do. Bolts run in every mode.
type Mode string

// The modes.
const (
	Staged   Mode = "staged"   // they shake hands, and are not initialised
	Active   Mode = "active"   // they emit
	Inactive Mode = "inactive" // they pause, and trees finish
)

var modes = []Mode{Staged, Active, Inactive}

func (*Run) kind() string { return "run" }

// Validate bounds what another process wrote.
func (r *Run) Validate() error {
	var c checks
	c.err(r.ID.Validate())
	c.number("version", r.Version, 1, maxSerial)
	c.err(r.Bundle.Validate())
	c.text("file", r.File, 1000)
	c.number("the number of options", len(r.Set), 0, maxSet)
	c.that(slices.Contains(modes, r.Mode), "there is no mode %.40q", r.Mode)
	r.validateLevels(&c)
	return c.done()
}
