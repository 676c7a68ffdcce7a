package zk_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

func TestACLs(t *testing.T) {
	t.Parallel()
	var log logs
	nimbus := coordinator.Credential{User: "nimbus", Secret: "hunter2"}
	worker := coordinator.Credential{User: "worker-1", Secret: "swordfish"}
	o := options(server.Root())
	o.Logger = log.logger()
	o.Credentials = []coordinator.Credential{{User: "other", Secret: "tolstoy"}, nimbus}
	o.ACL = []coordinator.Permission{
		{Rights: coordinator.All, Identity: nimbus.Identity()},
		{Rights: coordinator.Read, Identity: coordinator.World},
	}
	n := open(t, o)
	must(t, n.Apply(t.Context(),
		coordinator.Create("/t", []byte("conf")),
		coordinator.Create("/secret", nil, coordinator.Permission{Rights: coordinator.All, Identity: nimbus.Identity()}),
		coordinator.Create("/t/w1", nil,
			coordinator.Permission{Rights: coordinator.All, Identity: nimbus.Identity()},
			coordinator.Permission{Rights: coordinator.Read | coordinator.CreateChild, Identity: worker.Identity()}),
	))
	o.Credentials = []coordinator.Credential{worker}
	o.ACL = nil
	w := open(t, o)
	if got, err := w.Get(t.Context(), "/t"); err != nil || string(got.Data) != "conf" {
		t.Errorf("read the topology: %v", err)
	}
	must(t, w.Apply(t.Context(), coordinator.CreateEphemeral("/t/w1/me", nil), coordinator.Check("/t", 0)))
	for name, op := range map[string]coordinator.Op{
		"set":    coordinator.Set("/t", nil, 0),
		"delete": coordinator.Delete("/t/w1/me", 0),
		"create": coordinator.Create("/t/w2", nil),
		"check":  coordinator.Check("/secret", 0),
	} {
		if err := w.Apply(t.Context(), op); err == nil {
			t.Errorf("%s is permitted", name)
		} else {
			want(t, err, coordinator.ErrDenied)
		}
	}
	_, err := w.Get(t.Context(), "/secret")
	want(t, err, coordinator.ErrDenied)
	_, err = w.Children(t.Context(), "/secret")
	want(t, err, coordinator.ErrDenied)
	for _, secret := range []string{"hunter2", "swordfish", "tolstoy"} {
		if text := log.String(); len(text) == 0 || strings.Contains(text, secret) {
			t.Errorf("the log tells %q: %s", secret, text)
		}
	}
}

// The credentials are proven again on every connection.
func TestCredentialsSurviveReconnect(t *testing.T) {
	t.Parallel()
	o := options(server.Root())
	o.Credentials = []coordinator.Credential{{User: "me", Secret: "hunter2"}, {User: "too", Secret: "x"}}
	o.ACL = []coordinator.Permission{{Rights: coordinator.All, Identity: o.Credentials[0].Identity()}}
	s, proxy := openBehind(t, o)
	must(t, s.Apply(t.Context(), coordinator.Create("/mine", nil)))
	for version := range int32(5) {
		proxy.Cut()
		must(t, s.Apply(t.Context(), coordinator.Set("/mine", nil, version)))
	}
}

// authorities returns the certificates of a file.
func authorities(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

func TestTLS(t *testing.T) {
	t.Parallel()
	secure, file := zookeepertest.StartSecure(t)
	o := options("/tls")
	o.Servers = []string{secure.SecureAddr(0)}
	o.TLS = &tls.Config{RootCAs: authorities(t, file), MinVersion: tls.VersionTLS12}
	must(t, open(t, o).Apply(t.Context(), coordinator.Create("/x", nil)))

	o.TLS = &tls.Config{RootCAs: authorities(t, zookeepertest.Certificate(t)), MinVersion: tls.VersionTLS12}
	o.RequestTimeout = time.Second
	_, err := open(t, o).Get(t.Context(), "/x")
	want(t, err, coordinator.ErrUnavailable)
	wantPart(t, err.Error(), "certificate")

	o.TLS = nil // plain text to a TLS port
	_, err = open(t, o).Get(t.Context(), "/x")
	want(t, err, coordinator.ErrUnavailable)
}
