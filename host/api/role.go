package api

import (
	"context"
	"net"
	"net/http"
	"slices"
)

// Role is what a token allows. Each role may do what those before it may.
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
	return slices.Contains(Roles, r) && slices.Index(Roles, r) >= slices.Index(Roles, need)
}

// Me is who asks.
type Me struct {
	Role    Role   `json:"role"`
	Version string `json:"version"` // of the nimbus that answers
}

type roleKey struct{}

// withRole notes whose token a request carries.
func withRole(r *http.Request, role Role) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), roleKey{}, role))
}

// roleOf returns whose token a request carries. Only a guard's handlers may ask.
func roleOf(r *http.Request) Role {
	role, _ := r.Context().Value(roleKey{}).(Role) // without a guard: no role, which may nothing
	return role
}

// needs lets in whom the role permits it.
func (h *handler) needs(need Role, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if has := roleOf(r); !has.May(need) {
			h.Log.Warn("change refused", "role", has, "from", sender(r), "method", r.Method, "path", r.URL.Path)
			h.fail(w, r, Errorf(CodeForbidden, "this needs the token of an %s, and yours is that of a %s", need, has))
			return
		}
		next(w, r)
	}
}

func (h *handler) me(w http.ResponseWriter, r *http.Request) {
	h.reply(w, r, Me{Role: roleOf(r), Version: h.Version}, nil)
}

// audit leaves a line of a change that was asked for, whatever came of it.
func (h *handler) audit(r *http.Request, change string, a *Accepted, err error, more ...any) {
	attrs := []any{"change", change, "topology", string(name(r)), "role", roleOf(r), "from", sender(r)}
	if a != nil && a.ID != "" {
		attrs = append(attrs, "id", a.ID)
	}
	attrs = append(attrs, more...)
	if err != nil {
		attrs = append(attrs, "err", err)
	}
	h.Log.Info("audit", attrs...)
}

// sender is the address that a request comes from; if another nimbus passed it
// on, the one that it says.
func sender(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if from := r.Header.Get("X-Forwarded-For"); r.Header.Get(forwarded) != "" && net.ParseIP(from) != nil {
		return from + " through " + host
	}
	return host
}
