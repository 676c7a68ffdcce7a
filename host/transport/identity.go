package transport

import (
	"errors"
	"fmt"
)

// Identity is what a worker says of itself, and proves with its certificate
// where there is TLS.
type Identity struct {
	// Topology separates what must not talk to each other. It may be a
	// topology's name or one run of it, 1 to 200 bytes.
	Topology string

	// Place is where the worker lives, in a form that only the callers
	// understand, at most 200 bytes; it may be empty.
	Place string

	// Worker is the process's random incarnation; never 0.
	Worker uint64

	// Epoch is that of the assignment that the worker knows now.
	Epoch int64
}

// Peer is whom a link leads to, in the link's own topology.
type Peer struct {
	// Worker is the incarnation that is meant. 0 means whoever lives at the
	// place when the link first comes up; from then on it is that one.
	Worker uint64

	// Place is compared with the peer's own unless empty.
	Place string

	// Addrs are where it listens, "host:port" or "unix:/path". They are tried in order,
	// and the last one has the last word: put Unix sockets, which exist on the same
	// machine only, first.
	Addrs []string
}

// maxName bounds topologies and places, in bytes.
const maxName = 200

// validate returns an error unless the identity can stand on the wire.
func (id Identity) validate() error {
	switch {
	case id.Worker == 0:
		return errors.New("the worker's incarnation is 0")
	case id.Topology == "" || len(id.Topology) > maxName:
		return fmt.Errorf("the topology's name has %d bytes, not 1 to %d", len(id.Topology), maxName)
	case len(id.Place) > maxName:
		return fmt.Errorf("the place has %d bytes, at most %d are allowed", len(id.Place), maxName)
	}
	return nil
}

// String returns the identity for people.
func (id Identity) String() string {
	s := fmt.Sprintf("worker %016x of %q", id.Worker, id.Topology)
	if id.Place != "" {
		s += fmt.Sprintf(" at %q", id.Place)
	}
	return fmt.Sprintf("%s, epoch %d", s, id.Epoch)
}
