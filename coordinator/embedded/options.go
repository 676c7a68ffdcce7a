package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"
)

const unixPrefix = "unix:"

// maxSocketPath is what every system takes as a Unix socket's path: 104 bytes
// on macOS, 108 on Linux, with a zero behind.
const maxSocketPath = 103

// Options says where a server listens and what it keeps. Begin with
// [DefaultOptions].
type Options struct {
	// Address is "unix:/path" or a loopback "host:port"; port 0 chooses one.
	// A socket is made for its owner only. TCP admits every user of the
	// machine, and its traffic is plain text.
	Address string

	// Dir is the folder for the data, made if it is missing. Empty keeps
	// everything in memory: it is gone with Run.
	Dir string

	// MaxBytes bounds the tree's memory. Changes beyond it are refused.
	MaxBytes int64

	// MaxConnections bounds the clients that are connected at once. A client
	// can make the server hold 10 MiB for requests and answers, no more than
	// 100 KiB usually, and MaxWatchBytes.
	MaxConnections int

	// MaxWatchBytes bounds the memory of one client's watches.
	MaxWatchBytes int

	// Clients get the session timeout they ask for, within these bounds.
	MinSessionTimeout, MaxSessionTimeout time.Duration

	// Logger gets what the operator should know. Nil discards it.
	Logger *slog.Logger
}

// DefaultOptions returns options that lack only Address.
func DefaultOptions() Options {
	return Options{
		MaxBytes:          512 << 20, // bundles, 256 MiB at most, and as much again
		MaxConnections:    512,
		MaxWatchBytes:     4 << 20, // some 20,000 watches
		MinSessionTimeout: 100 * time.Millisecond,
		MaxSessionTimeout: 10 * time.Minute,
	}
}

// Validate returns an error that names every option that cannot be used.
func (o Options) Validate() error {
	var errs []error
	if _, _, err := splitAddress(o.Address); err != nil {
		errs = append(errs, err)
	}
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"MaxBytes", o.MaxBytes},
		{"MaxConnections", int64(o.MaxConnections)},
		{"MaxWatchBytes", int64(o.MaxWatchBytes)},
		{"MinSessionTimeout", int64(o.MinSessionTimeout)},
	} {
		if limit.value <= 0 {
			errs = append(errs, fmt.Errorf("%s is %d, and must be positive", limit.name, limit.value))
		}
	}
	if o.MaxSessionTimeout < o.MinSessionTimeout || o.MaxSessionTimeout > 24*time.Hour {
		errs = append(errs, fmt.Errorf("MaxSessionTimeout %v is not between MinSessionTimeout %v and 24h", o.MaxSessionTimeout, o.MinSessionTimeout))
	}
	return errors.Join(errs...)
}

// splitAddress returns the network and the address to listen on.
func splitAddress(address string) (network, where string, err error) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		if !filepath.IsAbs(path) {
			return "", "", fmt.Errorf("address %q: a Unix socket needs an absolute path", address)
		}
		if len(path) > maxSocketPath {
			return "", "", fmt.Errorf("address %q: a Unix socket's path has at most %d bytes, this one has %d: choose a shorter folder",
				address, maxSocketPath, len(path))
		}
		return "unix", path, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", "", fmt.Errorf("address %q is neither unix:/path nor host:port: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", "", fmt.Errorf("address %q is not on loopback: what comes in is plain text", address)
	}
	return "tcp", address, nil
}
