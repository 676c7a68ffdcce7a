// Package api is the contract between nimbus and whoever gives it orders: the
// [Service], its HTTP form in two halves that mirror each other ([Handler] and
// [Client]), and the types that travel. It knows neither the coordinator nor
// nimbus.
//
// HTTP, below /v1: JSON both ways; a bundle travels as the body of its deploy.
// Every request carries the header [Header], which no form of a browser's page
// can send, and a token, or comes with a client's certificate. An error is a JSON object with a code and a text.
package api

import (
	"context"
	"io"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Service is what a cluster does for its users. All methods may be called
// concurrently. Their errors are [*Error], whose code says whether the request
// may have been carried out; any other error is a defect of the service.
type Service interface {
	// List returns all topologies, by name.
	List(ctx context.Context) ([]Topology, error)

	// Status returns all that is known of one topology. CodeNotFound.
	Status(ctx context.Context, name topology.Name) (*Status, error)

	// Deploy takes code and begins to bring it up, beside what runs under the
	// name already. It returns when that is saved: follow it with Status.
	// CodeInvalid, CodeTooLarge, CodeConflict while another change is under
	// way, CodeRefused if there is no room.
	Deploy(ctx context.Context, r DeployRequest, bundle io.Reader) (*Accepted, error)

	// Change begins any other change. CodeInvalid, CodeNotFound, CodeConflict, CodeRefused.
	Change(ctx context.Context, name topology.Name, r ChangeRequest) (*Accepted, error)

	// Cluster returns the machines and daemons.
	Cluster(ctx context.Context) (*Cluster, error)

	// Figures asks the workers of a topology for their figures. CodeNotFound.
	Figures(ctx context.Context, name topology.Name) (*Figures, error)

	// Errors returns the first and the last errors of each component. CodeNotFound.
	Errors(ctx context.Context, name topology.Name) ([]ComponentErrors, error)

	// Logs calls f with lines of the logs of all machines, in the order of
	// time, and with what is not to be had, as lines too. With q.Follow it
	// goes on until ctx ends or f returns an error, which it returns.
	Logs(ctx context.Context, q LogQuery, f func(LogLine) error) error

	// Dead calls f with the last tuples of a topology that were given up, at
	// most tail of each machine.
	Dead(ctx context.Context, name topology.Name, tail int, f func(DeadTuple) error) error
}

// DeployRequest says how code is to be brought up.
type DeployRequest struct {
	Name    topology.Name `json:"name"`           // as the topology's file has it: a deploy must not hit another by mistake
	File    string        `json:"file"`           // the topology's file in the bundle
	Set     []string      `json:"set,omitempty"`  // PATH=VALUE, as for run
	Timeout time.Duration `json:"timeout"`        // nanoseconds; for the new version to be ready
	Drain   time.Duration `json:"drain"`          // for the old version to finish what is in flight
	Wait    bool          `json:"wait,omitempty"` // somebody waits for it: refuse it if there are no slots for it now
}

// Verb names a change of a topology.
type Verb string

// The verbs of a ChangeRequest.
const (
	Activate   Verb = "activate"
	Deactivate Verb = "deactivate"
	Kill       Verb = "kill"
	Rebalance  Verb = "rebalance"
	Rollback   Verb = "rollback"
	SetLevel   Verb = "loglevel" // done at once, also during another change
)

// Verbs lists them.
var Verbs = []Verb{Activate, Deactivate, Kill, Rebalance, Rollback, SetLevel}

// ChangeRequest says what to change.
type ChangeRequest struct {
	Verb        Verb                         `json:"verb"`
	Wait        *time.Duration               `json:"wait,omitempty"`        // kill: for tuples in flight; absent: the topology's message timeout
	Workers     int                          `json:"workers,omitempty"`     // rebalance; 0: as it is
	Parallelism map[topology.ComponentID]int `json:"parallelism,omitempty"` // rebalance
	Version     int                          `json:"version,omitempty"`     // rollback; 0: the one before
	Timeout     time.Duration                `json:"timeout,omitempty"`     // rebalance and rollback, as for a deploy
	Drain       time.Duration                `json:"drain,omitempty"`
	Component   topology.ComponentID         `json:"component,omitempty"` // loglevel; empty: all, and the workers themselves
	Level       string                       `json:"level,omitempty"`     // loglevel: trace, debug, info, warn, error; empty: the usual one again
	For         time.Duration                `json:"for,omitempty"`       // loglevel: then it is as usual again; 0: until the next deploy
}

// Accepted is the answer to a change that has begun.
type Accepted struct {
	ID   string `json:"id"`   // of the change: Status shows it, then its outcome; empty if it is done already
	Text string `json:"text"` // for people
}
