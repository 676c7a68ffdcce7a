package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"
)

func testCA(t testing.TB, secret byte, topology string) *CA {
	t.Helper()
	ca, err := DeriveCA(bytes.Repeat([]byte{secret}, 32), topology)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestDeriveCA(t *testing.T) {
	t.Parallel()
	if _, err := DeriveCA(make([]byte, 31), "wordcount"); err == nil {
		t.Error("a short secret will do")
	}
	a := testCA(t, 1, "wordcount")
	// A frozen value: workers of different releases must derive the same key.
	const want = "5e013ac09707e0a8677482447b9e85a422c04ffb8b50ac57e54b8f41710384c1"
	if got := hex.EncodeToString(a.key.Seed()); got != want {
		t.Errorf("the key is %s, want %s", got, want)
	}
	if !a.key.Equal(testCA(t, 1, "wordcount").key) {
		t.Error("the same secret and topology give another key")
	}
	for _, other := range []*CA{testCA(t, 2, "wordcount"), testCA(t, 1, "wordcount2")} {
		if other.key.Equal(a.key) {
			t.Error("another secret or topology gives the same key")
		}
	}
}

func TestCertificatesAreRenewed(t *testing.T) {
	t.Parallel()
	ca := testCA(t, 1, "word count/ü")
	own := &renewed{ca: ca, worker: 5}
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	get := func(after time.Duration) *x509.Certificate {
		t.Helper()
		cert, err := own.get(now.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		// Every clock within a day of ours finds it valid.
		for _, off := range []time.Duration{-23 * time.Hour, 0, 23 * time.Hour} {
			_, err := cert.Leaf.Verify(x509.VerifyOptions{
				DNSName: serverName, Roots: ca.pool, CurrentTime: now.Add(after + off), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			})
			if err != nil {
				t.Errorf("after %v, on a clock off by %v: %v", after, off, err)
			}
		}
		return cert.Leaf
	}
	first := get(0)
	if get(23*time.Hour) != first {
		t.Error("made anew within the day")
	}
	second := get(25 * time.Hour)
	if second == first {
		t.Error("used for longer than a day")
	}
	if get(-5*time.Hour) == second {
		t.Error("used although the clock went back by more than a day")
	}
}

func TestCertificateNamesItsOwner(t *testing.T) {
	t.Parallel()
	ca := testCA(t, 1, "wordcount")
	for name, c := range map[string]struct {
		server, client *tls.Config
		id             Identity
		want           string // part of the error; empty: none
	}{
		"itself":             {ca.Config(2), ca.Config(1), Identity{Topology: "wordcount", Worker: 1}, ""},
		"another worker":     {ca.Config(2), ca.Config(1), Identity{Topology: "wordcount", Worker: 3}, "has a certificate for"},
		"another topology":   {ca.Config(2), ca.Config(1), Identity{Topology: "wordcoun", Worker: 1}, "has a certificate for"},
		"another CA":         {ca.Config(2), testCA(t, 1, "other").Config(1), Identity{Topology: "wordcount", Worker: 1}, "bad certificate"},
		"another secret":     {ca.Config(2), testCA(t, 2, "wordcount").Config(1), Identity{Topology: "wordcount", Worker: 1}, "bad certificate"},
		"none":               {ca.Config(2), anonymous(ca), Identity{Topology: "wordcount", Worker: 1}, "didn't provide a certificate"},
		"an older version":   {ca.Config(2), outdated(ca), Identity{Topology: "wordcount", Worker: 1}, "unsupported versions"},
		"of another purpose": {ca.Config(2), foreign(ca), Identity{Topology: "wordcount", Worker: 1}, "application protocol"},
	} {
		err := meet(t, c.server, c.client, c.id)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// The ways to have a configuration that is almost right.
func anonymous(ca *CA) *tls.Config {
	c := ca.Config(1)
	c.GetClientCertificate = nil
	c.RootCAs = ca.pool
	return c
}

func outdated(ca *CA) *tls.Config {
	c := ca.Config(1)
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	return c
}

func foreign(ca *CA) *tls.Config {
	c := ca.Config(1)
	c.NextProtos = []string{"h2"}
	return c
}

// meet returns what the server's side finds wrong.
func meet(t *testing.T, server, client *tls.Config, id Identity) error {
	t.Helper()
	a, b := net.Pipe()
	run(t, func(ctx context.Context) error {
		defer b.Close()
		c := tls.Client(b, client)
		if err := c.HandshakeContext(ctx); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1)) // the server hangs up
		return err
	})
	defer a.Close()
	s := tls.Server(a, server)
	if err := s.Handshake(); err != nil {
		return err
	}
	return certified(s, id)
}
