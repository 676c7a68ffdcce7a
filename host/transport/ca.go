package transport

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"sync"
	"time"
)

// minSecret is the least length of what a CA derives from, in bytes.
const minSecret = 32

// Certificates are valid from a day before they are made, for clocks differ,
// and made anew when the day is over in which they are used.
const (
	certBefore = 24 * time.Hour
	certUse    = 24 * time.Hour
	certAfter  = 48 * time.Hour
)

// serverName is the name that every certificate is for. Who exactly it belongs to says its URI.
const serverName = "polybolt-link"

// CA signs the certificates of one topology's workers. Every worker that knows
// the topology's secret derives the same one, so no certificate is ever stored
// or sent around: whoever has the secret is of the topology, and nobody else is.
// Its methods may be called concurrently.
type CA struct {
	topology string
	key      ed25519.PrivateKey
	cert     *x509.Certificate
	pool     *x509.CertPool
}

// DeriveCA returns the CA of a topology, exactly as [Identity].Topology names it.
// The secret is random, at least 32 bytes, and may be one that has other uses
// too: the key comes from it by HKDF with SHA-256 (RFC 5869).
func DeriveCA(secret []byte, topology string) (*CA, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("derive the CA of links: the secret has %d bytes, at least %d are needed", len(secret), minSecret)
	}
	seed, err := hkdf.Key(sha256.New, secret, nil, "polybolt link CA 1\x00"+topology, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive the CA of links: %w", err)
	}
	ca := &CA{topology: topology, key: ed25519.NewKeyFromSeed(seed), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "polybolt links"},
		NotBefore:             time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // no end (RFC 5280, 4.1.2.5)
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	if ca.cert, err = sign(template, template, ca.key.Public(), ca.key); err != nil {
		return nil, fmt.Errorf("derive the CA of links: %w", err)
	}
	ca.pool.AddCert(ca.cert)
	return ca, nil
}

// Config returns the TLS configuration of a worker, for both ends of links:
// TLS 1.3, certificates of this CA on both sides, its own renewed as needed.
func (ca *CA) Config(worker uint64) *tls.Config {
	own := &renewed{ca: ca, worker: worker}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{serverName}, // nothing else that speaks TLS takes this for its own
		ServerName:             serverName,
		RootCAs:                ca.pool,
		ClientCAs:              ca.pool,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.get(time.Now()) },
		GetClientCertificate:   func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.get(time.Now()) },
		SessionTicketsDisabled: true, // connections are few, and each is to prove itself
		// Small records first are for browsers that wait for the first byte of a page.
		DynamicRecordSizingDisabled: true,
	}
}

// issue makes a key and a certificate for a worker.
func (ca *CA) issue(worker uint64, now time.Time) (*tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // never fails (crypto/rand)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: fmt.Sprintf("polybolt worker %016x", worker)},
		NotBefore:    now.Add(-certBefore),
		NotAfter:     now.Add(certAfter),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{serverName},
		URIs:         []*url.URL{workerURI(ca.topology, worker)},
	}
	cert, err := sign(template, ca.cert, public, ca.key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate for a link: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: private, Leaf: cert}, nil
}

func sign(template, parent *x509.Certificate, public any, key ed25519.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// workerURI names the owner of a certificate.
func workerURI(topology string, worker uint64) *url.URL {
	return &url.URL{Scheme: "polybolt", Opaque: fmt.Sprintf("%s/%016x", url.PathEscape(topology), worker)}
}

// renewed is a worker's certificate, made anew when it gets old.
type renewed struct {
	ca     *CA
	worker uint64

	mu   sync.Mutex
	cert *tls.Certificate // guarded by mu; nil at first
}

func (r *renewed) get(now time.Time) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cert != nil {
		made := r.cert.Leaf.NotBefore.Add(certBefore)
		if age := now.Sub(made); age > -certUse && age < certUse {
			return r.cert, nil
		}
	}
	cert, err := r.ca.issue(r.worker, now)
	if err == nil {
		r.cert = cert
	}
	return cert, err
}

// certified returns an error unless the certificate at the other end, where
// there is one, belongs to the worker. That the CA has signed it, TLS has seen to.
func certified(conn net.Conn, id Identity) error {
	t, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	certs := t.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return errors.New("the other end has no certificate")
	}
	want := workerURI(id.Topology, id.Worker).String()
	for _, uri := range certs[0].URIs {
		if uri.String() == want {
			return nil
		}
	}
	return fmt.Errorf("the other end says that it is %s, and has a certificate for %v", id, certs[0].URIs)
}
