package api

import (
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Guard decides who may speak to a server. A page in a browser must not be able
// to deploy code, whatever site it comes from and whatever name that site gives
// this machine: so the name that was asked for is checked, another site's
// origin is refused, a header is wanted that no form can send, and a token.
type Guard struct {
	Token string          // of an admin; compared in constant time; must not be empty
	Roles map[Role]string // tokens of others; may be nil
	Hosts []string        // names that requests may be sent to, besides those of loopback addresses
	Log   *slog.Logger

	mu     sync.Mutex
	logged map[string]time.Time // refusals by reason and sender
}

// logEvery is how often the same refusal of the same sender is logged.
const logEvery = time.Minute

// maxLogged bounds what is remembered of refusals.
const maxLogged = 1000

// refusalTimeout is how long the rest of a request is read that has been refused.
const refusalTimeout = time.Second

// protect wraps a handler.
func (g *Guard) protect(next http.Handler) http.Handler { return g.admit(next, true) }

// admit lets in requests of those who know a token, or have a certificate, and that no page of another
// site has sent. Without the header a request must change nothing.
func (g *Guard) admit(next http.Handler, header bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, e := g.judge(r, header)
		if e != nil {
			g.note(r, e)
			w.Header().Set("Connection", "close")
			// Whoever is refused cannot keep the connection by sending slowly.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(refusalTimeout)) // it fails only where there is no connection
			writeError(w, e)
			return
		}
		next.ServeHTTP(w, withAsker(r, who))
	})
}

// bearer precedes a token.
const bearer = "Bearer "

// judge returns who sends a request, or why it is refused. A token counts more
// than a certificate, which the TLS of the server has verified.
func (g *Guard) judge(r *http.Request, header bool) (asker, *Error) {
	switch token, found := strings.CutPrefix(r.Header.Get("Authorization"), bearer); {
	case !g.knows(r.Host):
		return asker{}, Errorf(CodeForbidden, "this server does not answer to the name %.100q", r.Host)
	case !ownOrigin(r):
		return asker{}, Errorf(CodeForbidden, "requests from pages of other sites are refused")
	case header && r.Header.Get(Header) == "":
		return asker{}, Errorf(CodeForbidden, "the header %s is missing", Header)
	case !found && r.TLS != nil && len(r.TLS.VerifiedChains) > 0:
		return certified(r.TLS.VerifiedChains[0][0]), nil
	case !found:
		return asker{}, Errorf(CodeUnauthorized, "no token: send it as Authorization: Bearer TOKEN")
	default:
		role := g.role(token)
		if role == "" {
			return asker{}, Errorf(CodeUnauthorized, "the token is not this cluster's")
		}
		return vouched(r, asker{Role: role}), nil
	}
}

// role returns whose token it is, empty if it is nobody's. It takes as long for
// any token of a length.
func (g *Guard) role(token string) (role Role) {
	for _, r := range Roles {
		want := g.Roles[r]
		if r == Admin && g.Token != "" {
			want = g.Token
		}
		if want != "" && subtle.ConstantTimeCompare([]byte(token), []byte(want)) == 1 {
			role = r
		}
	}
	return role
}

// ownOrigin tells whether a request comes from no page, or from one that this
// server gave out itself. Judge has checked the host.
func ownOrigin(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	return origin == "" || site == "same-origin" && (origin == "http://"+r.Host || origin == "https://"+r.Host)
}

// knows tells whether a request may ask for that host.
func (g *Guard) knows(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	return host == "localhost" || slices.ContainsFunc(g.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// note logs a refusal, the same one once a minute.
func (g *Guard) note(r *http.Request, e *Error) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	key := host + " " + e.Text
	now := time.Now()
	g.mu.Lock()
	if g.logged == nil || len(g.logged) > maxLogged {
		g.logged = map[string]time.Time{}
	}
	again := now.Sub(g.logged[key]) < logEvery
	if !again {
		g.logged[key] = now
	}
	g.mu.Unlock()
	if !again {
		g.Log.Warn("request refused", "from", host, "method", r.Method, "path", r.URL.Path, "err", e)
	}
}
