package api

import (
	"fmt"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Stall says what a worker knows of a topology that makes no progress: how long
// nothing has come of what its spouts have emitted, and the task that has kept a
// row for longest, or cannot be reached.
type Stall struct {
	Quiet    time.Duration   `json:"quiet,omitempty"`    // since a tree of one of its spouts was done; 0: none is in flight
	Task     topology.TaskID `json:"task,omitempty"`     // 0: none
	Name     string          `json:"name,omitempty"`     // of the task, as count[2], with its id
	For      time.Duration   `json:"for,omitempty"`      // for how long
	Doing    string          `json:"doing,omitempty"`    // what it does: worked on, held
	Unlinked bool            `json:"unlinked,omitempty"` // it is not a row that is kept: there is no link to the task's worker
}

// StalledAfter is how long nothing comes of what spouts have emitted until a
// topology counts as stalled, and for how long a task has to have been the cause.
const StalledAfter = 10 * time.Second

// Stalled names the task because of which a topology makes no progress, and says
// what it does; empty if it makes progress, or it is not known why not.
func Stalled(workers []WorkerFigures) (task, why string) {
	quiet := false
	var worst Stall
	for _, w := range workers {
		s := w.Stall
		if s == nil {
			continue
		}
		if s.Quiet > 0 && s.Quiet < StalledAfter {
			return "", ""
		}
		quiet = quiet || s.Quiet > 0
		// Rows that cannot be sent keep others waiting, and not the other way round.
		if s.For >= StalledAfter && (s.Unlinked && !worst.Unlinked || s.Unlinked == worst.Unlinked && s.For > worst.For) {
			worst = *s
		}
	}
	if !quiet || worst.Name == "" {
		return "", ""
	}
	since := worst.For.Round(time.Second)
	if worst.Unlinked {
		return worst.Name, fmt.Sprintf("there has been no link to its worker for %v", since)
	}
	return worst.Name, fmt.Sprintf("it has %s a row for %v", worst.Doing, since)
}
