package api

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/url"
)

// asker is who sends a request.
type asker struct {
	Name string // of a certificate; empty: a token was shown
	Role Role   // empty: the certificate names none
}

// LogValue implements [slog.LogValuer].
func (a asker) LogValue() slog.Value {
	if a.Name == "" {
		return slog.StringValue("the token of the " + string(a.Role))
	}
	return slog.StringValue(a.Name)
}

// certified returns who has a client's certificate: its subject's common name,
// and of its organizational units the one that is a role, the most if several are.
func certified(c *x509.Certificate) asker {
	a := asker{Name: c.Subject.CommonName}
	if a.Name == "" {
		a.Name = "a certificate without a name"
	}
	for _, unit := range c.Subject.OrganizationalUnit {
		if role := Role(unit); role.May(Viewer) && !a.Role.May(role) {
			a.Role = role
		}
	}
	return a
}

type askerKey struct{}

// withAsker notes who sends a request.
func withAsker(r *http.Request, a asker) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), askerKey{}, a))
}

// askerOf returns who sends a request. Only a guard's handlers may ask.
func askerOf(r *http.Request) asker {
	a, _ := r.Context().Value(askerKey{}).(asker) // without a guard: nobody, who may nothing
	return a
}

// What a nimbus that passes a request on says of who sent it, in place of a
// certificate that it cannot show. It is believed only with the admin's token,
// which all nimbuses have.
const (
	forName = "X-Polybolt-For-Name" // as in a URL's query
	forRole = "X-Polybolt-For-Role"
)

// vouch makes a request that is passed on tell who sent it.
func (g *Guard) vouch(header http.Header, a asker) {
	header.Del(forName)
	header.Del(forRole)
	if a.Name == "" {
		return // its token travels with it
	}
	header.Set("Authorization", bearer+g.Token)
	header.Set(forName, url.QueryEscape(a.Name))
	header.Set(forRole, string(a.Role))
}

// vouched returns whom another nimbus speaks for, given whose token it showed.
func vouched(r *http.Request, shown asker) asker {
	name, err := url.QueryUnescape(r.Header.Get(forName))
	if shown.Role != Admin || r.Header.Get(forwarded) == "" || name == "" || err != nil {
		return shown
	}
	return asker{Name: name, Role: Role(r.Header.Get(forRole))}
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
