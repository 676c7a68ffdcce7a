package cluster

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// LogServer is the log server of a machine that lives. It is written by
// itself, as an ephemeral.
type LogServer struct {
	Supervisor SupervisorID `json:"supervisor"` // whose workers' files it serves
	Host       string       `json:"host"`       // for people
	Address    string       `json:"address"`    // host:port, with TLS
	Token      string       `json:"token"`      // what it wants to see
	Pin        string       `json:"pin"`        // SHA-256 of its certificate, in hexadecimal
	Version    string       `json:"version"`
	PID        int          `json:"pid"`
	Started    time.Time    `json:"started"`
}

func (*LogServer) kind() string { return "log server" }

// Validate bounds what another process wrote.
func (s *LogServer) Validate() error {
	var c checks
	c.err(s.Supervisor.Validate())
	c.err(checkHex("pin", s.Pin, 64))
	c.text("host", s.Host, 255)
	c.text("address", s.Address, 300)
	c.text("token", s.Token, 100)
	c.text("version", s.Version, 100)
	return c.done()
}

// logServersPath is above the log servers' nodes.
const logServersPath = "/logservers"

func logServerPath(id SupervisorID) string { return path.Join(logServersPath, string(id)) }

// KeepLogServer says that a log server lives, until ctx ends. The caller holds
// the lock of the machine's log server: a node that is there is that of its
// predecessor, and goes.
func (c *Cluster) KeepLogServer(ctx context.Context, s *LogServer) error {
	if err := c.retry(ctx, func() error { return coordinator.Ensure(ctx, c.store, logServersPath) }); err != nil {
		return err
	}
	return c.keep(ctx, logServerPath(s.Supervisor), s)
}

// LogServers reads all log servers that live; records that are no good are left out.
func (c *Cluster) LogServers(ctx context.Context) ([]LogServer, error) {
	names, err := c.names(ctx, logServersPath)
	var list []LogServer
	for _, name := range names {
		var s LogServer
		if _, err := c.get(ctx, logServerPath(SupervisorID(name)), &s); err == nil {
			list = append(list, s)
		} else if errors.Is(err, ErrUnavailable) {
			return nil, err
		}
	}
	return list, err
}
