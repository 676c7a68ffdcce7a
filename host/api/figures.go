package api

import (
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Figures are those of a topology: of all its workers that answered.
type Figures struct {
	Workers []WorkerFigures `json:"workers"`
	Silent  []string        `json:"silent,omitempty"` // workers that did not answer, and why
}

// WorkerFigures are a worker's figures at one moment. Counts are since it began.
type WorkerFigures struct {
	Place      string           `json:"place"`
	Time       time.Time        `json:"time"`
	Started    time.Time        `json:"started"`
	Acked      int64            `json:"acked"`  // trees that finished
	Failed     int64            `json:"failed"` // failed attempts
	Dead       int64            `json:"dead"`   // tuples given up
	FailedBack int64            `json:"failed_back"`
	ByCause    map[string]int64 `json:"by_cause,omitempty"` // failed attempts
	Tasks      []TaskFigures    `json:"tasks"`
	Stall      *Stall           `json:"stall,omitempty"`
}

// TaskFigures are the figures of one task.
type TaskFigures struct {
	Component topology.ComponentID `json:"component"`
	Spout     bool                 `json:"spout,omitempty"`
	Task      topology.TaskID      `json:"task"`
	Index     int                  `json:"index"`
	State     string               `json:"state"`
	Why       string               `json:"why,omitempty"`
	PID       int                  `json:"pid"` // 0: no child
	Received  int64                `json:"received"`
	Emitted   int64                `json:"emitted"`
	Acked     int64                `json:"acked"`
	Failed    int64                `json:"failed"`
	Errors    int64                `json:"errors"`
	Restarts  int64                `json:"restarts"`
	Queued    int                  `json:"queued"`
	InChild   int                  `json:"in_child"`
	Held      int                  `json:"held"`
	Pending   int                  `json:"pending"` // of a spout: trees in flight
	P50       time.Duration        `json:"p50,omitempty"`
	P99       time.Duration        `json:"p99,omitempty"`
	Row       time.Duration        `json:"row,omitempty"` // of a bolt: what a row takes in its child, smoothed; 0: not known yet
	Metrics   []Metric             `json:"metrics,omitempty"`
}

// Metric is what user code counts, as it stands.
type Metric struct {
	Name  string  `json:"name"`
	Kind  string  `json:"kind"`  // counter, gauge or histogram
	Value float64 `json:"value"` // counter: the sum; gauge: the last value; histogram: the sum of the observations
	Count int64   `json:"count"` // readings; histogram: observations
}
