package supervisor

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
)

// Options say what a supervisor offers.
type Options struct {
	Dir     string // its data: who it is, code, logs; one supervisor at a time
	Host    string // the machine's name, for people
	Address string // host name or IP at which other machines reach its workers
	Slots   int
	Version string

	// Spec is what every worker is told; the supervisor fills in the rest.
	Spec slot.Spec

	// Access returns what a worker is given of the cluster's key; nil: the cluster has none.
	Access func(cluster.RunID, cluster.Place) *cluster.Access

	// Command returns the command of a worker, given its spec's file.
	Command func(spec string) *exec.Cmd

	// LogServer returns the command of the machine's log server; nil: it has none, or not from us.
	LogServer func() *exec.Cmd

	Bundle blob.Limits // of what it unpacks
	Times  Times
	Log    *slog.Logger
}

// Times are how long a supervisor waits for what.
type Times struct {
	Start  time.Duration // for a worker to answer for the first time
	Silent time.Duration // without an answer: then a worker is killed
	Ask    time.Duration // between two questions
	Stop   time.Duration // for a worker to end in order; then it is killed
}

// DefaultTimes returns the times of docs/operations.md.
func DefaultTimes() Times {
	return Times{Start: 30 * time.Second, Silent: 10 * time.Second, Ask: 2 * time.Second, Stop: 45 * time.Second}
}

// Validate returns an error that names every option that cannot be used.
func (o *Options) Validate() error {
	var errs []error
	if o.Slots < 0 || o.Slots > cluster.MaxSlots {
		errs = append(errs, fmt.Errorf("%d slots: there can be 0 to %d", o.Slots, cluster.MaxSlots))
	}
	if o.Address == "" {
		errs = append(errs, errors.New("no address: say where other machines reach this one"))
	}
	if !filepath.IsAbs(o.Dir) {
		errs = append(errs, fmt.Errorf("the folder %q is not an absolute path", o.Dir))
	}
	return errors.Join(errs...)
}

// identity reads who this supervisor is, or makes it someone.
func identity(dir string) (cluster.SupervisorID, error) {
	file := filepath.Join(dir, slot.IDFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		id := cluster.NewSupervisorID()
		return id, replaceFile(file, []byte(id+"\n"))
	}
	if err != nil {
		return "", err
	}
	id := cluster.SupervisorID(strings.TrimSpace(string(b)))
	if err := id.Validate(); err != nil {
		return "", fmt.Errorf("%s: %w: remove the file to make this another supervisor", file, err)
	}
	return id, nil
}

// replaceFile gives a file new contents; a reader finds the old or the new, whole.
func replaceFile(file string, b []byte) error {
	temp := file + ".new"
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, file)
}
