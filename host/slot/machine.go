package slot

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/polybolt/polybolt/host/api"
)

// MachineFile is where a supervisor writes its figures, in its data folder.
const MachineFile = "supervisor.json"

// Machine is what a supervisor tells of itself.
type Machine = api.MachineFigures

// SaveMachine writes the figures of the supervisor of a data folder. A reader
// finds the old ones or the new, whole.
func SaveMachine(dataDir string, m *Machine) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	file := filepath.Join(dataDir, MachineFile)
	if err := os.WriteFile(file+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// ReadMachine reads them. The error wraps [fs.ErrNotExist] if there are none yet.
func ReadMachine(dataDir string) (*Machine, error) {
	b, err := os.ReadFile(filepath.Join(dataDir, MachineFile))
	if err != nil {
		return nil, err
	}
	var m Machine
	return &m, json.Unmarshal(b, &m)
}
