package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// issuer signs certificates.
type issuer struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{t: t}
	i.cert, i.key = i.sign(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return i
}

func (i *issuer) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, with := i.cert, i.key
	if parent == nil {
		parent, with = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), with)
	if err != nil {
		i.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		i.t.Fatal(err)
	}
	return cert, key
}

// pair returns a certificate for a purpose.
func (i *issuer) pair(name string, use x509.ExtKeyUsage, units ...string) tls.Certificate {
	i.t.Helper()
	cert, key := i.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name, OrganizationalUnit: units},
		ExtKeyUsage: []x509.ExtKeyUsage{use}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (i *issuer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.cert)
	return pool
}

// asked notes what an authorizer is asked, and asks another.
type asked struct {
	Authorizer
	mu   sync.Mutex
	list []Question // guarded by mu
}

func (a *asked) Authorize(ctx context.Context, q Question) error {
	a.mu.Lock()
	a.list = append(a.list, q)
	a.mu.Unlock()
	return a.Authorizer.Authorize(ctx, q)
}

func (a *asked) take() []Question {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.list
	a.list = nil
	return list
}

// serveWith serves a recorder with other options, over TLS if there is an issuer.
func serveWith(t *testing.T, i *issuer, mend func(*HandlerOptions)) (r *recorder, url string) {
	t.Helper()
	r = &recorder{}
	log := slog.New(slog.DiscardHandler)
	o := HandlerOptions{
		Service: r, Guard: &Guard{Token: testToken, Roles: map[Role]string{Viewer: testToken + roleToken(Viewer)}, Log: log},
		MaxBundle: 1 << 20, Log: log, Leader: here,
	}
	if mend != nil {
		mend(&o)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + l.Addr().String()
	if i != nil {
		url = "https://" + l.Addr().String()
		l = tls.NewListener(l, &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.pair("nimbus", x509.ExtKeyUsageServerAuth)},
			ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: i.pool(),
		})
	}
	s := NewServer(Handler(o), log)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return r, url
}

// shows returns a client that shows a certificate.
func (i *issuer) shows(t *testing.T, url, token string, pairs ...tls.Certificate) *Client {
	t.Helper()
	c, err := NewClientTrusting([]string{url}, token, &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: i.pool(), Certificates: pairs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func codeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// A certificate gives a role, at the leader and by way of a standby; none, or
// one of another authority, gives nothing.
func TestCertificatesGiveRoles(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	saw := &asked{Authorizer: ByRole{}}
	_, leader := serveWith(t, i, func(o *HandlerOptions) { o.Authorizer = saw })
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: i.pool()}}
	t.Cleanup(transport.CloseIdleConnections)
	_, standby := serveWith(t, i, func(o *HandlerOptions) {
		o.Leader, o.Transport = func() (string, error) { return leader, nil }, transport
	})
	for name, c := range map[string]struct {
		units        []string
		list, change Code
		role         Role
	}{
		"viewer":   {[]string{"viewer"}, "", CodeForbidden, Viewer},
		"operator": {[]string{"operator"}, "", "", Operator},
		"the most": {[]string{"viewer", "sales", "admin", "operator"}, "", "", Admin},
		"none":     {nil, CodeForbidden, CodeForbidden, ""},
		"no role":  {[]string{"root", "Admin"}, CodeForbidden, CodeForbidden, ""},
	} {
		pair := i.pair("alice & co", x509.ExtKeyUsageClientAuth, c.units...)
		for _, url := range []string{leader, standby} {
			saw.take()
			client := i.shows(t, url, "", pair)
			if _, err := client.List(t.Context()); codeOf(err) != c.list {
				t.Errorf("%s lists: %v", name, err)
			}
			if _, err := client.Change(t.Context(), "t", ChangeRequest{Verb: Kill}); codeOf(err) != c.change {
				t.Errorf("%s kills: %v", name, err)
			}
			for _, q := range saw.take() {
				if q.Who != "alice & co" || q.Role != c.role || !strings.HasPrefix(q.From, "127.0.0.1") {
					t.Errorf("%s: the authorizer was asked %+v", name, q)
				}
			}
		}
	}
	_, plain := serveWith(t, nil, nil)
	if _, err := connect(t, "", plain).List(t.Context()); codeOf(err) != CodeUnauthorized {
		t.Errorf("without anything: %v", err)
	}
	if _, err := i.shows(t, leader, "").List(t.Context()); codeOf(err) != CodeUnauthorized {
		t.Errorf("without a certificate: %v", err)
	}
	stranger := newIssuer(t).pair("mallory", x509.ExtKeyUsageClientAuth, "admin")
	if _, err := i.shows(t, leader, "", stranger).List(t.Context()); err == nil {
		t.Error("a certificate of another authority is believed")
	}
	// The certificate of a server is none of a client's.
	if _, err := i.shows(t, leader, "", i.pair("nimbus", x509.ExtKeyUsageServerAuth, "admin")).List(t.Context()); err == nil {
		t.Error("a server's certificate is believed")
	}
	// A token counts more than a certificate, and a wrong one is no way around it.
	admin := i.pair("alice", x509.ExtKeyUsageClientAuth, "admin")
	if _, err := i.shows(t, leader, testToken+roleToken(Viewer), admin).Change(t.Context(), "t", ChangeRequest{Verb: Kill}); codeOf(err) != CodeForbidden {
		t.Errorf("with a viewer's token: %v", err)
	}
	if _, err := i.shows(t, leader, "wrong", admin).List(t.Context()); codeOf(err) != CodeUnauthorized {
		t.Errorf("with a wrong token: %v", err)
	}
}

// Whom somebody claims to speak for counts for nothing without the admin's token.
func TestNobodySpeaksForOthers(t *testing.T) {
	t.Parallel()
	saw := &asked{Authorizer: ByRole{}}
	_, url := serveWith(t, nil, func(o *HandlerOptions) { o.Authorizer = saw })
	for token, want := range map[string]Question{
		testToken + roleToken(Viewer): {Role: Viewer},
		testToken:                     {Who: "alice", Role: Operator},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/topologies", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{Header: {"1"}, forwarded: {"1"}, forName: {"alice"}, forRole: {"operator"}, "Authorization": {bearer + token}}
		answer, err := client(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		q := saw.take()
		if len(q) != 1 || q[0].Who != want.Who || q[0].Role != want.Role {
			t.Errorf("the authorizer was asked %+v, want %+v", q, want)
		}
	}
}

// The authorizer is asked for every route, before anything happens, by its id,
// and for a change by its verb; and what it says is done.
func TestAuthorizerIsAskedForEveryRoute(t *testing.T) {
	t.Parallel()
	refuse := &asked{Authorizer: deciding(func(Question) error { return Errorf(CodeForbidden, "not on a Sunday") })}
	audited := make(chan Audited, 1)
	r, url := serveWith(t, nil, func(o *HandlerOptions) { o.Authorizer, o.Audit = refuse, func(a Audited) { audited <- a } })
	for _, rt := range append((&handler{}).routes(), route{method: http.MethodGet, path: "/metrics", id: "metrics", role: Viewer}) {
		answer := request(t, url, rt, testToken)
		var e Error
		err := read(answer, &e)
		if codeOf(err) != CodeForbidden || err.Error() != "not on a Sunday" {
			t.Errorf("%s: %v", rt.id, err)
		}
		q := refuse.take()
		want := Question{Role: Admin, From: "127.0.0.1", Operation: rt.id, Needs: rt.role}
		if strings.Contains(rt.path, "{name}") {
			want.Topology = "t"
		}
		if rt.late {
			want.Operation = string(Activate)
		}
		if !slices.Equal(q, []Question{want}) {
			t.Errorf("it was asked %+v, want %+v", q, want)
		}
		if rt.role == Viewer { // which changes nothing: the next change would find the channel full
			continue
		}
		if a := <-audited; a.Change != want.Operation || a.Role != Admin || a.Err != "refused: not on a Sunday" {
			t.Errorf("the audit says %+v", a)
		}
	}
	if calls := r.take(); len(calls) > 0 {
		t.Errorf("the service was asked %v", calls)
	}
	// It may allow more than the built-in does.
	_, open := serveWith(t, nil, func(o *HandlerOptions) { o.Authorizer = deciding(func(Question) error { return nil }) })
	if _, err := connect(t, testToken+roleToken(Viewer), open).Change(t.Context(), "t", ChangeRequest{Verb: Kill}); err != nil {
		t.Error(err)
	}
}

// Whoever cannot decide, or does not, allows nothing.
func TestAuthorizerThatCannotDecide(t *testing.T) {
	t.Parallel()
	r, url := serveWith(t, nil, func(o *HandlerOptions) {
		o.Authorizer = deciding(func(Question) error { return errors.New("the directory is closed") })
	})
	_, err := connect(t, testToken, url).List(t.Context())
	if codeOf(err) != CodeUndecided || !strings.Contains(err.Error(), "the directory is closed") || statuses[CodeUndecided] != http.StatusServiceUnavailable {
		t.Error(err)
	}
	var e *Error
	if errors.As(err, &e) && !e.Definite() {
		t.Error("it may have been carried out")
	}
	if calls := r.take(); len(calls) > 0 {
		t.Errorf("the service was asked %v", calls)
	}
}

// deciding is an authorizer.
type deciding func(Question) error

func (d deciding) Authorize(_ context.Context, q Question) error { return d(q) }
