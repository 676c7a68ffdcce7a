package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"time"
)

// Supervisor is a supervisor that lives, with what it offers. It is written by
// itself, as an ephemeral.
type Supervisor struct {
	ID      SupervisorID `json:"id"`
	Host    string       `json:"host"`              // for people
	Address string       `json:"address"`           // host name or IP at which other machines reach its workers
	Sockets string       `json:"sockets,omitempty"` // folder of the Unix sockets at which its workers take data from the same machine; empty: none
	Slots   []Ports      `json:"slots"`             // by slot number
	Version string       `json:"version"`
	PID     int          `json:"pid"`
	Started time.Time    `json:"started"`
}

// Ports are the TCP ports for data of a slot's workers, one a lane. They are
// chosen once in a supervisor's life: a worker that is started again, even
// while nobody can be told, is found where it was.
type Ports [Lanes]int

func (*Supervisor) kind() string { return "supervisor" }

// Validate bounds what another process wrote.
func (s *Supervisor) Validate() error {
	var c checks
	c.err(s.ID.Validate())
	c.text("host", s.Host, 255)
	c.text("address", s.Address, 255)
	c.that(s.Address != "", "the address is empty")
	c.text("sockets", s.Sockets, maxSocket-socketName-1)
	c.that(s.Sockets == "" || path.IsAbs(s.Sockets), "the folder of sockets is no absolute path")
	c.text("version", s.Version, 100)
	c.number("the number of slots", len(s.Slots), 0, MaxSlots)
	for _, ports := range s.Slots {
		for _, port := range ports {
			c.number("a port", port, 1, 65535)
		}
	}
	return c.done()
}

const (
	maxSocket  = 103 // bytes of a Unix socket's path: 108 with the final zero on Linux, 104 elsewhere (unix(7), unix(4))
	socketName = 16  // bytes of its name
)

// DataSocket returns the path of the Unix socket for data of the worker in a
// place of this supervisor; empty if there is none. Its name is a hash, so that
// it is short, and of the supervisor's id too, so that several may share a folder.
func (s *Supervisor) DataSocket(p Place) string {
	if s.Sockets == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("data " + p.String()))
	return path.Join(s.Sockets, hex.EncodeToString(sum[:socketName/2]))
}

// Placement says that a worker is to run in a place. It is written by nimbus,
// read by the place's supervisor, and never changed.
type Placement struct {
	Run    RunID  `json:"run"`
	Bundle Bundle `json:"bundle"`
}

func (*Placement) kind() string { return "placement" }

// Validate bounds what another process wrote.
func (p *Placement) Validate() error {
	var c checks
	c.err(p.Run.Validate())
	c.err(p.Bundle.Validate())
	return c.done()
}
