package api

import (
	"encoding/json"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// LogLine is a line of a worker's log: what a component said, or the worker itself.
type LogLine struct {
	Time      time.Time            `json:"time,omitzero"`
	Host      string               `json:"host,omitempty"`
	Place     string               `json:"place,omitempty"` // SLOT.LANE on that machine
	Run       int                  `json:"run,omitempty"`
	Component topology.ComponentID `json:"component,omitempty"` // empty: the worker itself
	Task      topology.TaskID      `json:"task,omitempty"`
	PID       int                  `json:"pid,omitempty"`
	Level     string               `json:"level,omitempty"` // DEBUG, INFO, WARN or ERROR; empty: printed by no logger
	Logger    string               `json:"logger,omitempty"`
	Text      string               `json:"text"`
	ID        string               `json:"id,omitempty"`   // tells it from all others of its place; empty: nimbus or a log server says something itself
	More      map[string]any       `json:"more,omitempty"` // other attributes
}

// The numbers of lines, or of dead tuples, that a log server returns.
const (
	DefaultTail = 100
	MaxTail     = 10_000
)

// DeadTuple is a line of a dead.jsonl, with where it was found.
type DeadTuple struct {
	Host  string          `json:"host"`
	Place string          `json:"place"` // SLOT.LANE on that machine
	Tuple json.RawMessage `json:"tuple"` // values, reason, attempts, last error: as host/worker writes it
}

// KeptFigures are the last known figures of a worker that may have ended.
type KeptFigures struct {
	WorkerFigures
	Host  string     `json:"host"`
	Run   int        `json:"run"`
	Ended *time.Time `json:"ended,omitempty"` // absent: it lives, as far as is known
	Why   string     `json:"why,omitempty"`   // how it ended
}
