package zk

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// DefaultPort is a ZooKeeper server's port where none is given.
const DefaultPort = 2181

// unixPrefix marks a server that listens on a Unix socket.
const unixPrefix = "unix:"

// Options says whom to connect to and how. Begin with [DefaultOptions].
type Options struct {
	// Servers are "host:port", "host" or "unix:/path", the members of one
	// ensemble. Names are looked up at every attempt, so a member that does
	// not resolve today is skipped until it does.
	Servers []string

	// Root is the path below which all paths of the store lie. It is made if
	// it is missing.
	Root string

	// SessionTimeout is how long the server keeps the session of a client it
	// does not hear. The server may grant another; then a warning tells both.
	SessionTimeout time.Duration

	// RequestTimeout bounds every call, on top of the call's context.
	RequestTimeout time.Duration

	// Credentials are the identities that the store proves, all at once.
	Credentials []coordinator.Credential

	// ACL is that of nodes which are created without one. Empty means that
	// everybody may do everything.
	ACL []coordinator.Permission

	// TLS encrypts the connections unless nil. ServerName is filled in.
	TLS *tls.Config

	// Logger gets what happens to the connection. Nil discards it.
	Logger *slog.Logger
}

// DefaultOptions returns options that lack only Servers.
func DefaultOptions() Options {
	return Options{
		Root:           "/polybolt",
		SessionTimeout: 10 * time.Second,
		RequestTimeout: 10 * time.Second,
	}
}

// Validate returns an error that names every option that cannot be used.
func (o Options) Validate() error {
	var errs []error
	if len(o.Servers) == 0 {
		errs = append(errs, errors.New("no servers: name at least one as host:port or unix:/path"))
	}
	for _, server := range o.Servers {
		if _, _, err := splitServer(server); err != nil {
			errs = append(errs, err)
		}
	}
	if err := coordinator.CheckPath(o.Root); err != nil {
		errs = append(errs, fmt.Errorf("root: %w", err))
	}
	// The protocol carries milliseconds in 32 bits. A third of the timeout is
	// the interval of pings, so much shorter sessions end by accident.
	if o.SessionTimeout < 100*time.Millisecond || o.SessionTimeout > 24*time.Hour {
		errs = append(errs, fmt.Errorf("session timeout %v is not between 100ms and 24h", o.SessionTimeout))
	}
	if o.RequestTimeout <= 0 {
		errs = append(errs, fmt.Errorf("request timeout %v is not positive", o.RequestTimeout))
	}
	for _, c := range o.Credentials {
		if c.User == "" || strings.Contains(c.User, ":") {
			errs = append(errs, fmt.Errorf("user %q of a credential is empty or holds a colon", c.User))
		}
	}
	if _, err := zkACL(o.ACL); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// splitServer returns the network and the address to dial.
func splitServer(server string) (network, address string, err error) {
	if file, ok := strings.CutPrefix(server, unixPrefix); ok {
		if !path.IsAbs(file) {
			return "", "", fmt.Errorf("server %q: a Unix socket needs an absolute path, like unix:/run/polybolt.sock", server)
		}
		return "unix", file, nil
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		// No port, or an IPv6 address without brackets: retry with the default.
		host, port = strings.Trim(server, "[]"), strconv.Itoa(DefaultPort)
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", "", fmt.Errorf("server %q is not host:port: %w", server, err)
		}
	}
	if number, err := strconv.Atoi(port); err != nil || number < 1 || number > 65535 {
		return "", "", fmt.Errorf("server %q: %q is not a port", server, port)
	}
	if host == "" || strings.ContainsAny(host, " /,") {
		return "", "", fmt.Errorf("server %q: %q is not a host", server, host)
	}
	return "tcp", net.JoinHostPort(host, port), nil
}
