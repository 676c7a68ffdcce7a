package host

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
)

// A certificate that is replaced on disk is used from the next handshake on;
// while its files are half replaced, unreadable or gone, the one before is.
func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	age := 0
	put := func(file, kind string, der []byte) {
		t.Helper()
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		age++ // so that it differs, however coarse the clock of the files is
		if err := os.Chtimes(file, time.Time{}, time.Unix(int64(1_900_000_000+age), 0)); err != nil {
			t.Fatal(err)
		}
	}
	fresh := func() (certDER, keyDER []byte) {
		t.Helper()
		config, _, err := api.SelfSigned(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		keyDER, err = x509.MarshalPKCS8PrivateKey(config.Certificates[0].PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		return config.Certificates[0].Certificate[0], keyDER
	}
	first, firstKey := fresh()
	put(cert, "CERTIFICATE", first)
	put(key, "PRIVATE KEY", firstKey)
	c, err := newCertificate(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serves := func(when string, want []byte) {
		t.Helper()
		pair, err := c.get(nil)
		if err != nil || !bytes.Equal(pair.Certificate[0], want) {
			t.Errorf("%s: another certificate, or none: %v", when, err)
		}
	}
	serves("at the beginning", first)
	second, secondKey := fresh()
	put(cert, "CERTIFICATE", second)
	serves("half replaced", first)
	put(key, "PRIVATE KEY", secondKey)
	serves("replaced", second)
	put(cert, "NONSENSE", nil)
	serves("nonsense", second)
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	serves("gone", second)
	third, thirdKey := fresh()
	put(key, "PRIVATE KEY", thirdKey)
	put(cert, "CERTIFICATE", third)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	serves("with a key that all can read", second)
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	put(key, "PRIVATE KEY", thirdKey)
	serves("replaced again", third)
}
