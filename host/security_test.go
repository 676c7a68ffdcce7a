package host

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/zk"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
)

func newKey(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cluster.key")
	if err := WriteNewKey(file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	file := newKey(t)
	key, err := ReadKey(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteNewKey(file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key is overwritten: %v", err)
	}
	if again, err := ReadKey(file); err != nil || again.Text() != key.Text() {
		t.Errorf("another key: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("left beside the key: %v, %v", entries, err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
	other := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(other, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(other); err == nil || !strings.Contains(err.Error(), other) || !strings.Contains(err.Error(), "it is no key") {
		t.Errorf("no key: %v", err)
	}
}

// authority writes the certificate of a certificate authority.
func authority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What leaves the machine is authenticated and encrypted, or does not leave it.
func TestNothingLeavesUnprotected(t *testing.T) {
	t.Parallel()
	key, ca := newKey(t), authority(t)
	access := cluster.NewKey().Access(cluster.RunID{Topology: "words", Number: 1}, cluster.Place{Supervisor: "0123456789ab"})
	for name, c := range map[string]struct {
		o        ClusterOptions
		want     string // part of the error; empty: none
		secured  bool
		identity int // credentials
	}{
		"on this machine":                {o: ClusterOptions{ZooKeeper: []string{"127.0.0.1:2181", "localhost", "[::1]:2181", "::1", "unix:/run/zk"}}},
		"on this machine, with a key":    {o: ClusterOptions{ZooKeeper: []string{"127.0.0.1:2181"}, KeyFile: key}, identity: 1},
		"elsewhere":                      {o: ClusterOptions{ZooKeeper: []string{"127.0.0.1:2181", "10.0.0.1:2181"}}, want: "10.0.0.1:2181 is not on this machine: a cluster of more than one machine needs a key"},
		"a name":                         {o: ClusterOptions{ZooKeeper: []string{"zk1"}}, want: "doctor --new-key"},
		"a name that begins like ours":   {o: ClusterOptions{ZooKeeper: []string{"localhost.example:1"}}, want: "doctor --new-key"},
		"elsewhere, with a key":          {o: ClusterOptions{ZooKeeper: []string{"10.0.0.1:2181"}, KeyFile: key}, want: "--zookeeper-ca"},
		"elsewhere, with TLS alone":      {o: ClusterOptions{ZooKeeper: []string{"10.0.0.1:2181"}, ZooKeeperCA: ca}, want: "needs a key"},
		"elsewhere, with both":           {o: ClusterOptions{ZooKeeper: []string{"10.0.0.1:2181"}, KeyFile: key, ZooKeeperCA: ca}, secured: true, identity: 1},
		"elsewhere, system's":            {o: ClusterOptions{ZooKeeper: []string{"10.0.0.1:2181"}, KeyFile: key, ZooKeeperCA: SystemCA}, secured: true, identity: 1},
		"a worker":                       {o: ClusterOptions{ZooKeeper: []string{"10.0.0.1:2181"}, access: access, ZooKeeperCA: ca}, secured: true, identity: 2},
		"a worker without TLS":           {o: ClusterOptions{ZooKeeper: []string{"10.0.0.1:2181"}, access: access}, want: "plain text"},
		"an authority that is not there": {o: ClusterOptions{ZooKeeper: []string{"localhost"}, ZooKeeperCA: "/nowhere/ca.pem"}, want: "no such file"},
		"an authority that is none":      {o: ClusterOptions{ZooKeeper: []string{"localhost"}, ZooKeeperCA: key}, want: "there is no certificate in"},
	} {
		k, err := c.o.key()
		if err != nil {
			t.Fatal(name, err)
		}
		var z zk.Options
		err = c.o.secure(&z, k)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if c.want == "" && (z.TLS != nil != c.secured || len(z.Credentials) != c.identity || (z.ACL == nil) != (c.identity == 0)) {
			t.Errorf("%s: %+v", name, z)
		}
	}
}

func TestRowsDoNotLeaveUnprotected(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for _, c := range []struct {
		address, bind, key string
		refused            bool
	}{
		{"127.0.0.1", "", "", false},
		{"127.0.0.2", "localhost", "", false},
		{"10.0.0.1", "", "", true},
		{"worker1", "", "", true},
		{"127.0.0.1", "0.0.0.0", "", true},
		{"10.0.0.1", "0.0.0.0", key, false},
	} {
		o := DefaultSupervisorOptions()
		o.Dir, o.Address, o.Bind, o.KeyFile = t.TempDir(), c.address, c.bind, c.key
		_, err := newSupervisor(cluster.New(nil, nil), &o, time.Second, false, slog.New(slog.DiscardHandler))
		if c.refused != (err != nil && strings.Contains(err.Error(), needsKey)) || !c.refused && err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A worker's links speak TLS exactly when its cluster has a key, under a
// certificate that names the run.
func TestLinksOfAWorker(t *testing.T) {
	t.Parallel()
	spec := &slot.Spec{Run: cluster.RunID{Topology: "words", Number: 3}}
	if config, err := linkTLS(spec, 1); err != nil || config != nil {
		t.Errorf("without a key: %v, %v", config, err)
	}
	spec.Access = cluster.NewKey().Access(spec.Run, cluster.Place{Supervisor: "0123456789ab"})
	config, err := linkTLS(spec, 0xabc)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := config.GetClientCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := cert.Leaf.URIs[0].String(); got != "polybolt:words.3/0000000000000abc" {
		t.Errorf("the certificate is for %s", got)
	}
	spec.Access.Links = nil
	if _, err := linkTLS(spec, 1); err == nil {
		t.Error("a spec without the secret of links")
	}
}
