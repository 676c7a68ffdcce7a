package slot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/polybolt/polybolt/host/cluster"
)

// Spec is all that a worker process is told by its supervisor, in a file that
// only their user can read: nothing of it is for other users' eyes in ps.
type Spec struct {
	Run            cluster.RunID    `json:"run"`
	Place          cluster.Place    `json:"place"`
	ZooKeeper      []string         `json:"zookeeper"`
	Root           string           `json:"root"`
	SessionTimeout cluster.Duration `json:"session_timeout"`
	Host           string           `json:"host"`    // for people
	Address        string           `json:"address"` // where other machines reach this one
	Bind           string           `json:"bind"`    // the IP or name to listen on; empty: Address
	Bundle         string           `json:"bundle"`  // folder with the code
	Folder         string           `json:"folder"`  // of this place, for scratch and memory
	Logs           string           `json:"logs"`    // folder for logs and dead tuples
	Socket         string           `json:"socket"`
	ZooKeeperCA    string           `json:"zookeeper_ca,omitempty"` // as daemons have it
	Access         *cluster.Access  `json:"access,omitempty"`       // what it proves to the coordinator and its peers; nil: the cluster has no key
	Orphan         cluster.Duration `json:"orphan"`                 // end when no supervisor has asked for as long; 0: never
	ErrorsEvery    cluster.Duration `json:"errors_every"`           // between two writes of a component's errors; 0: as usual
}

// Listen returns the address to listen on for what others reach at the given
// one, HOST:PORT: between the two there may be a translation of addresses.
func (s *Spec) Listen(address string) string {
	_, port, err := net.SplitHostPort(address)
	if s.Bind == "" || err != nil {
		return address
	}
	return net.JoinHostPort(s.Bind, port)
}

// Save writes the spec for ReadSpec.
func (s *Spec) Save(file string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// ReadSpec reads one.
func ReadSpec(file string) (*Spec, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var s Spec
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := errors.Join(s.Run.Validate(), s.Place.Validate()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, path := range []string{s.Bundle, s.Folder, s.Logs, s.Socket} {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("%s: %q is not an absolute path", file, path)
		}
	}
	return &s, nil
}
