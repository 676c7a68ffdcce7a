package host

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// APITLS is how the API of nimbus is encrypted. Its zero value is plain text,
// which only loopback may carry.
type APITLS struct {
	Cert string // PEM file with the certificate, and those between it and its CA
	Key  string // PEM file with its key
	CA   string // PEM file with the CA of other nimbuses' certificates; empty: those that the system trusts

	// ClientCA is the PEM file with the CA of clients' certificates, each of which
	// gives a role; empty: none does. Whoever signs these decides who may do what.
	ClientCA string
}

// serving returns the configuration of a server; nil for plain text.
func (t *APITLS) serving(listen string, log *slog.Logger) (*tls.Config, error) {
	local, err := IsLoopback(listen)
	if err != nil {
		return nil, err
	}
	switch {
	case (t.Cert == "") != (t.Key == ""):
		return nil, errors.New("TLS needs both, a certificate and its key: give --tls-cert and --tls-key")
	case t.Cert == "" && t.ClientCA != "":
		return nil, errors.New("clients show certificates over TLS alone: give --tls-cert and --tls-key, or not --client-ca")
	case t.Cert == "" && !local:
		return nil, fmt.Errorf("nimbus would listen on %s, which other machines reach, without TLS: anybody on the way could read the token, and deploy code. Give --tls-cert and --tls-key, or listen on 127.0.0.1", listen)
	case t.Cert == "":
		return nil, nil
	}
	c, err := newCertificate(t.Cert, t.Key, log)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: c.get}
	if t.ClientCA == "" {
		return config, nil
	}
	clients, err := TrustFile(t.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("the authority of clients' certificates: %w", err)
	}
	// Whoever has none shows a token.
	config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, clients.RootCAs
	return config, nil
}

// forwardTimeout bounds the connecting to another nimbus.
const forwardTimeout = 3 * time.Second

// forwarding returns what reaches other nimbuses.
func (t *APITLS) forwarding() (*http.Transport, error) {
	config, err := TrustFile(t.CA)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		DialContext: (&net.Dialer{Timeout: forwardTimeout}).DialContext, TLSHandshakeTimeout: forwardTimeout,
		TLSClientConfig: config, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
	}, nil
}

// TrustFile returns the configuration of a client that trusts the CAs in a PEM
// file; without a name, those that the system trusts.
func TrustFile(file string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	if file == "" {
		return config, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return config, nil
}

// advertised returns the URL at which others reach what listens at l, and the
// names that requests may be sent to.
func (o *NimbusOptions) advertised(l net.Listener) (address string, names []string, err error) {
	scheme := "http"
	if o.TLS.Cert != "" {
		scheme = "https"
	}
	if address = o.Advertise; address == "" {
		host, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return "", nil, err
		}
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			host = o.Host
		}
		address = scheme + "://" + net.JoinHostPort(host, port)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != scheme || u.Host == "" {
		return "", nil, fmt.Errorf("--advertise %q is not where this nimbus is reached: write %s://HOST:PORT", address, scheme)
	}
	return address, []string{u.Hostname(), o.Host}, nil
}
