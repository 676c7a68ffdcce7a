package hosttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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
)

// certificate writes a CA, and a certificate for this machine that it has
// signed, with its key.
func certificate(t *testing.T, dir string) (ca, cert, key string) {
	t.Helper()
	newKey := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caKey, hostKey := newKey(), newKey()
	parent := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a CA of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, parent, parent, &caKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: parent.NotBefore, NotAfter: parent.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, &hostKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(hostKey)
	if err != nil {
		t.Fatal(err)
	}
	return write("ca.pem", "CERTIFICATE", caDER), write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER)
}

// The API with TLS: clients that trust its CA use it, also by way of a standby;
// others, and those who speak plain HTTP to it, are told what is wrong.
func TestAPIWithTLS(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	ca, cert, key := certificate(t, c.Dir)
	flags := c.Nimbuses[0].args[3:] // without the command and its address
	var urls []string
	for _, name := range []string{"nimbus-tls1", "nimbus-tls2"} {
		address := freeAddress(t)
		urls = append(urls, "https://"+address)
		d := c.daemon(name, append([]string{"nimbus", "--listen", address, "--tls-cert", cert, "--tls-key", key, "--tls-ca", ca}, flags...)...)
		c.others = append(c.others, d)
		d.Start(t)
		Eventually(t, name+" is there", func() bool { return d.LogHas("nimbus is there") })
	}
	c.Nimbuses[0].Kill(t)
	Eventually(t, "one of those with TLS leads, and the other forwards to it", func() bool {
		for _, url := range urls {
			if out, code := c.CLI(t, "list", "--nimbus", url, "--ca-file", ca); code != 0 || !strings.Contains(out, "no topology") {
				return false
			}
		}
		return true
	})
	for what, x := range map[string]struct {
		args []string
		want string
	}{
		"a CA that is not trusted": {[]string{"list", "--nimbus", urls[0]}, "certificate signed by unknown authority"},
		"plain HTTP to TLS":        {[]string{"list", "--nimbus", strings.Replace(urls[0], "https", "http", 1)}, "is no nimbus: it says 400"},
		"a CA file that is none":   {[]string{"list", "--nimbus", urls[0], "--ca-file", key}, "holds no certificate"},
		"a token in plain text":    {[]string{"list", "--nimbus", "http://nimbus.example:6627"}, "as plain text: use https"},
	} {
		if out, code := c.CLI(t, x.args...); code == 0 || !strings.Contains(out, x.want) {
			t.Errorf("%s: exit code %d\n%s", what, code, out)
		}
	}
	for what, x := range map[string]struct {
		args []string
		want string
	}{
		"every address, without TLS": {[]string{"--listen", "0.0.0.0:0"}, "without TLS"},
		"a certificate without key":  {[]string{"--listen", "127.0.0.1:0", "--tls-cert", cert}, "give --tls-cert and --tls-key"},
		"a key that is none":         {[]string{"--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", ca}, "the certificate of the API"},
		"another scheme":             {[]string{"--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--advertise", "http://x:1"}, "write https://HOST:PORT"},
	} {
		if out, code := c.CLI(t, append(append([]string{"nimbus"}, x.args...), flags...)...); code == 0 || !strings.Contains(out, x.want) {
			t.Errorf("%s: exit code %d\n%s", what, code, out)
		}
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := c.CLI(t, append([]string{"nimbus", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key}, flags...)...); code == 0 || !strings.Contains(out, "other users can read the key") {
		t.Errorf("a key for all: exit code %d\n%s", code, out)
	}
}
