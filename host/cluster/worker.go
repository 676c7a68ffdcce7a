package cluster

import (
	"slices"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Alive is a worker process that lives. It is written by itself, as an
// ephemeral below its place's node.
type Alive struct {
	Incarnation Incarnation `json:"incarnation"`
	PID         int         `json:"pid"`
	Host        string      `json:"host"`    // for people
	Figures     string      `json:"figures"` // host:port of its HTTP server
	Token       string      `json:"token"`   // what that server wants to see
	Pin         string      `json:"pin"`     // SHA-256 of its certificate, in hexadecimal
	Started     time.Time   `json:"started"`
}

func (*Alive) kind() string { return "alive" }

// Validate bounds what another process wrote.
func (a *Alive) Validate() error {
	var c checks
	c.err(a.Incarnation.Validate())
	c.text("host", a.Host, 255)
	c.text("figures", a.Figures, 300)
	c.text("token", a.Token, 100)
	if a.Pin != "" {
		c.err(checkHex("pin", a.Pin, 64))
	}
	return c.done()
}

// Report is what a worker tells of itself when it changes: the data of its
// place's node. It may be that of an earlier incarnation.
type Report struct {
	Incarnation Incarnation       `json:"incarnation"`
	Epoch       int64             `json:"epoch"` // of the assignment that it has applied
	Order       int32             `json:"order"` // version of the run's node that it goes by: what follows is the answer to that
	Mode        Mode              `json:"mode"`  // that its spouts have reached since the order; empty: none yet
	Idle        bool              `json:"idle"`  // inactive is what the order says, and nothing of its spouts is in flight any more
	Fatal       string            `json:"fatal,omitempty"`
	Components  []ComponentReport `json:"components"`
}

// ComponentReport is the state of a component's tasks in one worker.
type ComponentReport struct {
	Component topology.ComponentID `json:"component"`
	Tasks     int                  `json:"tasks"`
	Ready     int                  `json:"ready"`
	Started   int                  `json:"started"`       // tasks of it that have been ready at least once
	Deaths    int                  `json:"deaths"`        // the most that one of its tasks that was never ready has died
	Why       string               `json:"why,omitempty"` // what keeps one of them from being ready
}

func (*Report) kind() string { return "report" }

const (
	maxReported = 10_000   // components
	maxCause    = 1 << 10  // bytes of a component's why
	maxFatal    = 16 << 10 // bytes of what ended a worker
)

// Validate bounds what another process wrote.
func (r *Report) Validate() error {
	var c checks
	c.err(r.Incarnation.Validate())
	c.that(r.Order >= 0, "the order is %d", r.Order)
	c.that(r.Mode == "" || slices.Contains(modes, r.Mode), "there is no mode %.40q", r.Mode)
	c.text("fatal", r.Fatal, maxFatal)
	c.number("the number of components", len(r.Components), 0, maxReported)
	for _, p := range r.Components {
		c.that(validName(string(p.Component)), "%.100q is no name of a component", p.Component)
		c.text("why", p.Why, maxCause)
		c.number("tasks", p.Tasks, 0, maxTasks)
		c.number("ready tasks", p.Ready, 0, p.Tasks)
		c.number("started tasks", p.Started, 0, p.Tasks)
		c.number("deaths", p.Deaths, 0, maxSerial)
	}
	return c.done()
}
