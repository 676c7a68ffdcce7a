package zookeepertest

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
	"testing"
	"time"
)

// StartSecure is [Start] of a server that also takes TLS, and returns the file
// with its certificate too.
func StartSecure(t testing.TB) (server *Server, certificate string) {
	t.Helper()
	file := Certificate(t)
	return StartConfig(t, Config{Secure: true, Lines: []string{
		"ssl.keyStore.location=" + file, "ssl.keyStore.type=PEM", "ssl.keyStore.password=",
		"ssl.trustStore.location=" + file, "ssl.trustStore.type=PEM", "ssl.trustStore.password=",
		"ssl.clientAuth=none",
	}}), file
}

// Certificate writes a file, as ZooKeeper wants it, with a new key and its
// certificate for 127.0.0.1, which is valid for an hour and its own authority.
func Certificate(t testing.TB) (file string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "zookeeper"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	file = filepath.Join(t.TempDir(), "zookeeper.pem")
	must(os.WriteFile(file, text, 0o600))
	return file
}
