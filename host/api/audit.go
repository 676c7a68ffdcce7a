package api

import (
	"net/http"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Audited is a change that somebody asked for, whatever came of it; also one that
// was refused for want of rights.
type Audited struct {
	Time     time.Time
	Change   string // deploy, or a verb
	Topology topology.Name
	Who      string // of a certificate; empty: a token was shown
	Role     Role
	From     string
	ID       string // of the change, if it has begun
	Err      string // why not, if it has not
}

// audit leaves a line of a change, and tells of it.
func (h *handler) audit(r *http.Request, change string, a *Accepted, err error, more ...any) {
	who := askerOf(r)
	x := Audited{Time: time.Now(), Change: change, Topology: name(r), Who: who.Name, Role: who.Role, From: sender(r)}
	attrs := []any{"change", change, "topology", string(x.Topology), "role", who.Role, "from", x.From}
	if who.Name != "" {
		attrs = append(attrs, "who", who.Name)
	}
	if a != nil && a.ID != "" {
		x.ID = a.ID
		attrs = append(attrs, "id", a.ID)
	}
	attrs = append(attrs, more...)
	if err != nil {
		x.Err = err.Error()
		attrs = append(attrs, "err", err)
	}
	h.Log.Info("audit", attrs...)
	if h.Audit != nil {
		h.Audit(x)
	}
}
