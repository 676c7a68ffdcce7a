package zk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
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

// certificate makes a self-signed certificate for 127.0.0.1, and a file with
// it and its key.
func certificate(t *testing.T) (file string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "zookeeper"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	file = filepath.Join(t.TempDir(), "zookeeper.pem")
	must(t, os.WriteFile(file, text, 0o600))
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return file, pool
}

func TestTLS(t *testing.T) {
	t.Parallel()
	file, pool := certificate(t)
	secure := zookeepertest.StartConfig(t, zookeepertest.Config{Secure: true, Lines: []string{
		"ssl.keyStore.location=" + file, "ssl.keyStore.type=PEM", "ssl.keyStore.password=",
		"ssl.trustStore.location=" + file, "ssl.trustStore.type=PEM", "ssl.trustStore.password=",
		"ssl.clientAuth=none",
	}})
	o := options("/tls")
	o.Servers = []string{secure.SecureAddr(0)}
	o.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	must(t, open(t, o).Apply(t.Context(), coordinator.Create("/x", nil)))

	_, other := certificate(t)
	o.TLS = &tls.Config{RootCAs: other, MinVersion: tls.VersionTLS12}
	o.RequestTimeout = time.Second
	_, err := open(t, o).Get(t.Context(), "/x")
	want(t, err, coordinator.ErrUnavailable)
	wantPart(t, err.Error(), "certificate")

	o.TLS = nil // plain text to a TLS port
	_, err = open(t, o).Get(t.Context(), "/x")
	want(t, err, coordinator.ErrUnavailable)
}
