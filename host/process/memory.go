package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/polybolt/polybolt/host/cluster"
)

// patience is how long a process waits for the coordinator before it goes by
// what its predecessor knew. Short, because tuples wait for it, and nothing is
// lost if it was too short: what the coordinator says counts as soon as it does.
const patience = time.Second

// memory is what a worker last knew, for its successor in a time without a coordinator.
type memory struct {
	Run        cluster.Run        `json:"run"`
	Assignment cluster.Assignment `json:"assignment"`
}

func (p *Process) memoryFile() string { return filepath.Join(p.spec.Folder, "memory.json") }

func (p *Process) remember(m memory) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return replaceFile(p.memoryFile(), b)
}

// recall returns what the process before this one knew of the same run.
func (p *Process) recall() (m memory, err error) {
	b, err := os.ReadFile(p.memoryFile())
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, err
	}
	if m.Run.ID != p.spec.Run {
		return m, fmt.Errorf("it is that of run %s: %w", m.Run.ID, os.ErrNotExist)
	}
	return m, errors.Join(m.Run.Validate(), m.Assignment.Validate())
}
