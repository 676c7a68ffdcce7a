package api

import (
	"time"

	"github.com/polybolt/polybolt/host/metrics"
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
	ByCause    map[string]int64 `json:"by_cause,omitempty"`  // failed attempts
	FailedAt   []FailedAt       `json:"failed_at,omitempty"` // the same, by where they failed
	CPU        time.Duration    `json:"cpu"`                 // of this process
	MaxRSS     int64            `json:"max_rss"`             // of this process at its largest, bytes
	Tasks      []TaskFigures    `json:"tasks"`
	Stall      *Stall           `json:"stall,omitempty"`
}

// FailedAt counts the attempts of a worker's spouts that failed at a task, of
// any worker, for one reason.
type FailedAt struct {
	Component topology.ComponentID `json:"component"` // empty: nobody knows
	Task      topology.TaskID      `json:"task"`
	Cause     string               `json:"cause"` // exception, fail, child-death, timeout, cycle-overflow, …
	N         int64                `json:"n"`
}

// Stages are what [TaskFigures.Times] are the times of, in the order of a row's
// way: waiting for the task, being encoded, the pipes and the SDK, user code;
// and, of a spout, the whole tree.
var Stages = []string{"queue", "encode", "pipe", "user", "tree"}

// Latency is how long rows took at a stage.
type Latency struct {
	Count int64         `json:"count"`
	Mean  time.Duration `json:"mean"`
	P50   time.Duration `json:"p50"`
	P90   time.Duration `json:"p90"`
	P99   time.Duration `json:"p99"`
}

// Told returns the times that are told first of a task: of a spout its trees'
// and of a bolt those in user code, or, where its SDK does not tell them, those
// in its process.
func Told(times map[string]metrics.Histogram) metrics.Histogram {
	for _, stage := range []string{"tree", "user", "pipe"} {
		if h, any := times[stage]; any {
			return h
		}
	}
	return metrics.Histogram{}
}

// LatencyOf sums a histogram up.
func LatencyOf(h *metrics.Histogram) Latency {
	return Latency{Count: h.Count(), Mean: h.Mean(), P50: h.Quantile(0.5), P90: h.Quantile(0.9), P99: h.Quantile(0.99)}
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
	Pending   int                  `json:"pending"`       // of a spout: trees in flight
	Credit    int                  `json:"credit"`        // rows that may still be sent to it before its senders are held back; of a spout, trees that it may begin now
	CPU       time.Duration        `json:"cpu"`           // of its children, with all they started
	RSS       int64                `json:"rss"`           // of the living child, with all it started, bytes; 0: there is none, or this is not known
	P50       time.Duration        `json:"p50,omitempty"` // of a spout's trees
	P90       time.Duration        `json:"p90,omitempty"`
	P99       time.Duration        `json:"p99,omitempty"`

	// Times are by stage. They add up over tasks and workers.
	Times map[string]metrics.Histogram `json:"times,omitempty"`

	Row     time.Duration `json:"row,omitempty"` // of a bolt: what a row takes in its child, smoothed; 0: not known yet
	Metrics []Metric      `json:"metrics,omitempty"`
}

// Metric is what user code counts, as it stands.
type Metric struct {
	Name  string  `json:"name"`
	Kind  string  `json:"kind"`  // counter, gauge or histogram
	Value float64 `json:"value"` // counter: the sum; gauge: the last value; histogram: the sum of the observations
	Count int64   `json:"count"` // readings; histogram: observations
}
