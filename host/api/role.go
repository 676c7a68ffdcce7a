package api

import (
	"net/http"
	"slices"
)

// Role is what a token, or a certificate, allows. Each role may do what those
// before it may.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // sees everything, the values of tuples in logs and errors included
	Operator Role = "operator" // changes what is deployed: activate, deactivate, rebalance, rollback, kill
	Admin    Role = "admin"    // deploys code, which then runs as the workers' user
)

// Roles lists them, the least first.
var Roles = []Role{Viewer, Operator, Admin}

// May tells whether a role includes another.
func (r Role) May(need Role) bool {
	return slices.Contains(Roles, r) && slices.Contains(Roles, need) && slices.Index(Roles, r) >= slices.Index(Roles, need)
}

// Me is who asks.
type Me struct {
	Name    string `json:"name,omitempty"` // of a certificate; absent: a token was shown
	Role    Role   `json:"role"`
	Version string `json:"version"`         // of the nimbus that answers
	Local   bool   `json:"local,omitempty"` // it is no nimbus, but `polybolt run --ui`: one topology, of which only activate, deactivate, kill and loglevel can be asked
}

func (h *handler) me(w http.ResponseWriter, r *http.Request) {
	who := askerOf(r)
	h.reply(w, r, Me{Name: who.Name, Role: who.Role, Version: h.Version, Local: h.Local}, nil)
}
