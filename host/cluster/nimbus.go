package cluster

import "time"

// Nimbus is a nimbus that lives. It is written by itself, as an ephemeral.
type Nimbus struct {
	Incarnation Incarnation `json:"incarnation"`
	Host        string      `json:"host"` // for people
	URL         string      `json:"url"`  // where it serves the API
	Version     string      `json:"version"`
	PID         int         `json:"pid"`
	Started     time.Time   `json:"started"`
}

func (*Nimbus) kind() string { return "nimbus" }

// Validate bounds what another process wrote.
func (n *Nimbus) Validate() error {
	var c checks
	c.err(n.Incarnation.Validate())
	c.text("host", n.Host, 255)
	c.text("url", n.URL, 500)
	c.text("version", n.Version, 100)
	return c.done()
}
