// Package sink takes a cluster's figures and events elsewhere: every interval
// the figures of nimbus's page for Prometheus, and at once what has happened. A
// [Reporter] gathers them; a [Sink] takes them: a file, the log, or a plugin.
//
// It fails open: a sink that is slow, broken or gone holds nothing up. What
// waits for it is bounded, and what there was no room for is counted and told.
package sink

import (
	"context"
	"time"
)

// Sink takes deliveries. One goroutine calls it, so no two at a time.
type Sink interface {
	// Take takes a delivery. It returns as soon as ctx ends. After an error,
	// which is logged, the events come once more, later, and the figures do not:
	// a sink that has had some of the events can tell by their ids.
	Take(ctx context.Context, d *Delivery) error
}

// Delivery is what a sink gets at once: at most [MaxFigures] and [MaxEvents].
type Delivery struct {
	Time           time.Time `json:"time"` // of the figures
	Figures        []Figure  `json:"figures,omitempty"`
	Events         []Event   `json:"events,omitempty"`          // in order
	DroppedFigures int64     `json:"dropped_figures,omitempty"` // for want of room, since the last delivery that was taken
	DroppedEvents  int64     `json:"dropped_events,omitempty"`  // likewise; they were newer than those of this delivery
}

// Bounds of a delivery.
const (
	MaxFigures = 5000 // about 1 MB as JSON: gRPC takes 4 MiB if nobody says otherwise
	MaxEvents  = 200
	maxBytes   = 1 << 20 // of the events' texts
)

// Figure is one number. Names, kinds and labels are those of /metrics.
type Figure struct {
	Name   string            `json:"name"`
	Kind   string            `json:"kind"` // counter or gauge
	Labels map[string]string `json:"labels,omitempty"`
	Value  float64           `json:"value"` // finite
}

// Kind tells events apart.
type Kind string

// The kinds of events.
const (
	Audit   Kind = "audit"   // somebody asked for a change, whatever came of it
	Change  Kind = "change"  // a change has ended, well or not
	State   Kind = "state"   // a topology is in another state, is there, or is gone
	Failure Kind = "error"   // an error of user code, or the end of its process
	Restart Kind = "restart" // processes of a task were started again
	Worker  Kind = "worker"  // a worker has begun, begun anew, or is not heard of any more
)

// Event is something that has happened. Fields that say nothing are empty.
type Event struct {
	ID        string    `json:"id"` // no other event has it
	Time      time.Time `json:"time"`
	Kind      Kind      `json:"kind"`
	Topology  string    `json:"topology,omitempty"`
	Component string    `json:"component,omitempty"`
	Task      int       `json:"task,omitempty"`   // its id in the topology
	Worker    string    `json:"worker,omitempty"` // its place
	Host      string    `json:"host,omitempty"`
	Who       string    `json:"who,omitempty"`    // of an audit: of a certificate; else a token was shown
	Role      string    `json:"role,omitempty"`   // of an audit
	From      string    `json:"from,omitempty"`   // of an audit: an address
	Bad       bool      `json:"bad,omitempty"`    // somebody may want to look
	Count     int64     `json:"count,omitempty"`  // how often, if more than once
	Text      string    `json:"text"`             // for people, one line
	Detail    string    `json:"detail,omitempty"` // of an audit: what was asked for, as KEY=VALUE; of an error: the traceback
}

// size is about what an event takes in memory, in bytes.
func (e *Event) size() int {
	return 300 + len(e.Text) + len(e.Detail) + len(e.Who) + len(e.From) + len(e.Topology) + len(e.Component) + len(e.Worker) + len(e.Host)
}
