package api

import "net/http"

// Protect wraps a handler so that only requests which the guard lets in reach
// it: every server of a cluster is guarded in the same way.
func (g *Guard) Protect(next http.Handler) http.Handler { return g.protect(next) }

// WriteError answers a request with an error, in the form that clients expect.
func WriteError(w http.ResponseWriter, e *Error) { writeError(w, e) }
