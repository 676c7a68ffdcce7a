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

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

// authority writes a certificate for 127.0.0.1 that is its own authority, with
// its key, as ZooKeeper wants it.
func authority(t *testing.T) (file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		Subject: pkix.Name{CommonName: "zookeeper"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	file = filepath.Join(t.TempDir(), "zookeeper.pem")
	must(t, os.WriteFile(file, text, 0o600))
	return file
}

// A cluster as it is on several machines: TLS to ZooKeeper, a key, addresses
// of its own for every machine. Numbers, logs and figures come through.
func TestSecuredCluster(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	server := zookeepertest.StartConfig(t, zookeepertest.Config{Secure: true, Lines: []string{
		"ssl.keyStore.location=" + ca, "ssl.keyStore.type=PEM", "ssl.keyStore.password=",
		"ssl.trustStore.location=" + ca, "ssl.trustStore.type=PEM", "ssl.trustStore.password=",
		"ssl.clientAuth=none",
	}})
	c := Start(t, Config{ZooKeeper: server, ZooKeeperCA: ca, Supervisors: 2, Flags: func(i int) []string { return []string{"--address", outside(i)} }})
	n := NewNumbers(t, 4, 5_000, 5_000)
	c.MustCLI(t, "deploy", n.Topology)
	n.AllDone(t)
	f, err := c.API.Figures(t.Context(), "numbers")
	if err != nil || len(f.Workers) != 4 || len(f.Silent) != 0 {
		t.Errorf("figures: %+v, %v", f, err)
	}
	Eventually(t, "logs of both machines", func() bool {
		out, code := c.CLI(t, "logs", "numbers")
		return code == 0 && strings.Contains(out, "machine0") && strings.Contains(out, "machine1")
	})
	for machine := range 2 {
		if log := c.WorkerLog(t, machine, "numbers"); strings.Contains(log, "link refused") || strings.Contains(log, `"level":"ERROR"`) {
			t.Errorf("machine %d: %s", machine, log)
		}
	}
	c.MustCLI(t, "kill", "numbers")
}
