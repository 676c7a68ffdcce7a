package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Question is what an [Authorizer] is asked: may this be done?
type Question struct {
	Who       string        `json:"who,omitempty"`      // the common name of the asker's certificate; empty: a token was shown
	Role      Role          `json:"role,omitempty"`     // of the token, or of the certificate; empty: a certificate that names none
	From      string        `json:"from"`               // the asker's address; "A through B": B, which may lie, passes on what A has sent
	Operation string        `json:"operation"`          // a route's id in openapi.json; of a change its verb: kill, rebalance, …
	Needs     Role          `json:"needs"`              // what the built-in wants for it
	Topology  topology.Name `json:"topology,omitempty"` // that it is about; empty: the cluster
}

// Authorizer decides who may do what. Who somebody is has been settled before:
// a stranger's question never gets that far. It is asked once for each request,
// and once for a stream of events or lines, however long that lasts.
type Authorizer interface {
	// Authorize returns nil if it may be done, and an [*Error] with
	// CodeForbidden, whose text the asker is shown, if not. Any other error says
	// that it cannot decide, and then it may not be done either. It returns as
	// soon as ctx ends, and may be called concurrently.
	Authorize(ctx context.Context, q Question) error
}

var _ Authorizer = ByRole{}

// ByRole is the built-in [Authorizer]: each role may do what it says, in all topologies.
type ByRole struct{}

// Authorize implements [Authorizer].
func (ByRole) Authorize(ctx context.Context, q Question) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case q.Role.May(q.Needs):
		return nil
	case q.Role == "":
		return Errorf(CodeForbidden, "this needs the role %s, and your certificate names none: its subject should have an OU that is viewer, operator or admin", q.Needs)
	}
	return Errorf(CodeForbidden, "this needs the role %s, and yours is %s", q.Needs, q.Role)
}

// authorizeTimeout bounds what an Authorizer takes. It is more than a plugin is
// given, which tells better what is wrong.
const authorizeTimeout = 10 * time.Second

// allow returns nil if whoever sent a request may do what it asks for.
func (h *handler) allow(r *http.Request, operation string, need Role, what Details) error {
	who := askerOf(r)
	q := Question{Who: who.Name, Role: who.Role, From: sender(r), Operation: operation, Needs: need, Topology: name(r)}
	ctx, cancel := context.WithTimeout(r.Context(), authorizeTimeout)
	defer cancel()
	err := h.Authorizer.Authorize(ctx, q)
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.Code == CodeForbidden:
		attrs := []any{"who", who, "from", q.From, "operation", operation, "topology", string(q.Topology)}
		h.Log.Warn("refused", append(append(attrs, what.attrs()...), "err", e)...)
		if h.Audit != nil && need != Viewer {
			h.Audit(Audited{Time: time.Now(), Change: operation, Topology: q.Topology, What: what, Who: q.Who, Role: q.Role, From: q.From, Err: "refused: " + e.Text})
		}
		return e
	}
	return Errorf(CodeUndecided, "whether you may do this cannot be decided at the moment, and so you may not: %v", err)
}

// bodyTimeout is for a body of JSON to arrive.
const bodyTimeout = 30 * time.Second

// needs lets in whom the authorizer permits it.
func (h *handler) needs(rt *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// What is no name reaches no record and no machine, whatever it would name there.
		if n := r.PathValue("name"); strings.Contains(rt.path, "{name}") && !topology.ValidName(n) {
			h.fail(w, r, Errorf(CodeInvalid, "%.100q is no name of a topology: it begins with a letter, and has letters, digits, - and _, 64 at most", n))
			return
		}
		if rt.body != nil { // a bundle gets the time of the server
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(cmp.Or(h.bodyTimeout, bodyTimeout))) // it fails only where there is no connection
		}
		if !rt.late {
			var what Details
			if rt.id == "deploy" {
				what = deployDetails(r.URL.Query())
			}
			if err := h.allow(r, rt.id, rt.role, what); err != nil {
				h.fail(w, r, err)
				return
			}
		}
		rt.serve(w, r)
	}
}
