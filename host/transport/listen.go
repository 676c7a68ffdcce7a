package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxSocketPath is the longest path of a Unix socket, in bytes: 108 with the
// final zero on Linux, 104 elsewhere (unix(7), unix(4)).
const maxSocketPath = 103

// listen opens an address, "host:port" or "unix:/path".
func (o *ServerOptions) listen(addr string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		return listenUnix(path)
	}
	config := net.ListenConfig{Control: o.Control}
	l, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	if o.TLS == nil && !loopback(l.Addr()) {
		_ = l.Close()
		return nil, fmt.Errorf("listen at %s: %w", addr, errPlain)
	}
	return l, nil
}

// socket is a Unix socket that removes its file when it is closed, unless
// somebody has put another one there.
type socket struct {
	*net.UnixListener
	path string
	file fs.FileInfo
}

// listenUnix opens a Unix socket in a folder that is ours alone. A worker's
// place is its own, so whatever is there is what a dead one left.
func listenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path of the socket %s has %d bytes, at most %d are possible", path, len(path), maxSocketPath)
	}
	if err := ownFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is there and no socket: remove it", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	file, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &socket{l, path, file}, nil
}

// Close implements [net.Listener].
func (s *socket) Close() error {
	err := s.UnixListener.Close()
	if now, statErr := os.Lstat(s.path); statErr == nil && os.SameFile(now, s.file) {
		err = errors.Join(err, os.Remove(s.path))
	}
	return err
}

// ownFolder makes a folder, or checks that the one that is there is ours alone:
// in /tmp anybody could have put one before us.
func ownFolder(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(owner.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is not a folder of this user alone (mode 0700), which a socket for links needs", dir)
	}
	return nil
}
