package api

import "net/http"

// Protect wraps a handler so that only requests which the guard lets in reach
// it: every server of a cluster is guarded in the same way.
func (g *Guard) Protect(next http.Handler) http.Handler { return g.protect(next) }

// WriteError answers a request with an error, in the form that clients expect.
func WriteError(w http.ResponseWriter, e *Error) { writeError(w, e) }

// Page wraps a handler of what is not secret, and asks for no token: the page
// in which a person enters it. It answers only to the names that the guard knows.
func (g *Guard) Page(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.knows(r.Host) {
			e := Errorf(CodeForbidden, "this server does not answer to the name %.100q", r.Host)
			g.note(r, e)
			writeError(w, e)
			return
		}
		next.ServeHTTP(w, r)
	})
}
