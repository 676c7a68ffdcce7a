package host

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is that of a server, which is read again when its files change:
// those that renew certificates replace files, and know nothing of us.
type certificate struct {
	cert, key string // PEM files
	log       *slog.Logger

	mu   sync.Mutex
	pair *tls.Certificate // guarded by mu
	seen [2]stamp         // guarded by mu: of both files, when they were last read
}

// stamp tells versions of a file apart.
type stamp struct {
	modified time.Time
	size     int64
}

// newCertificate reads a certificate and its key, which nobody else may be able to read.
func newCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log}
	var err error
	if c.seen, err = c.stamps(); err != nil {
		return nil, fmt.Errorf("the certificate of the API: %w", err)
	}
	c.pair, err = c.read()
	return c, err
}

// get is [tls.Config.GetCertificate]. Files that cannot be used, for instance
// because only one of the two has been replaced so far, leave what there was.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.stamps()
	if err != nil || now == c.seen {
		return c.pair, nil // a file that is missing for the moment is one that is being replaced
	}
	c.seen = now
	pair, err := c.read()
	if err != nil {
		c.log.Warn("the certificate has changed and cannot be used: going on with the one before", "err", err)
		return c.pair, nil
	}
	c.pair = pair
	c.log.Info("the certificate has changed, and is used from now on", "file", c.cert, "until", pair.Leaf.NotAfter)
	return c.pair, nil
}

func (c *certificate) stamps() (s [2]stamp, err error) {
	for i, file := range []string{c.cert, c.key} {
		info, err := os.Stat(file)
		if err != nil {
			return s, err
		}
		s[i] = stamp{info.ModTime(), info.Size()}
	}
	return s, nil
}

func (c *certificate) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("the certificate of the API: %w", err)
	}
	if info, err := os.Stat(c.key); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, errors.Join(err, fmt.Errorf("other users can read the key in %s: chmod 600 it, and if they are not trusted, make a new one", c.key))
	}
	return &pair, nil
}
