package cluster

import "time"

// Supervisor is a supervisor that lives, with what it offers. It is written by
// itself, as an ephemeral.
type Supervisor struct {
	ID      SupervisorID `json:"id"`
	Host    string       `json:"host"`    // for people
	Address string       `json:"address"` // host name or IP at which other machines reach its workers
	Slots   []Ports      `json:"slots"`   // by slot number
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
	c.text("version", s.Version, 100)
	c.number("the number of slots", len(s.Slots), 0, MaxSlots)
	for _, ports := range s.Slots {
		for _, port := range ports {
			c.number("a port", port, 1, 65535)
		}
	}
	return c.done()
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
