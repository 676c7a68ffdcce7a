// Package slot is what a supervisor and the worker in one of its slots say to
// each other, over a Unix socket that the slot has for life: who are you, what
// do you do, stop. It is how a supervisor that was started again finds the
// workers of the one before, and how it notices one that has frozen.
//
// One line of JSON asks, one answers. Both ends check that the other runs
// under the same user. A pid is never believed: it comes from the kernel, a
// descriptor is opened for the process, and only a second connection after
// that proves that it is still the same one.
package slot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Socket returns the path of the socket of a place, which names a slot and a
// lane, of the supervisor with a data folder. A socket's path must be short (108
// bytes on Linux, 104 elsewhere), so the name is a hash.
func Socket(dataDir, place string) string {
	base := os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(base) {
		base = "/tmp"
	}
	return SocketIn(base, dataDir, place)
}

// LinkSocket returns the path of the socket for links to the worker with a data
// address, for the workers on its machine: whoever knows one knows the other.
func LinkSocket(addr string) string { return Socket("links", addr) }

// SocketIn is Socket for a process with another XDG_RUNTIME_DIR.
func SocketIn(runtimeDir, dataDir, place string) string {
	sum := sha256.Sum256([]byte(dataDir + "\x00" + place))
	return filepath.Join(runtimeDir, fmt.Sprintf("polybolt-%d", os.Getuid()), hex.EncodeToString(sum[:8]))
}

// PrepareDir makes the folder of the sockets, or checks that the one that is
// there is ours alone: in /tmp anybody could have put one before us.
func PrepareDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return fmt.Errorf("make the folder for sockets: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(owner.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is not a folder of this user alone (mode 0700): remove it, or set XDG_RUNTIME_DIR to a folder that is", dir)
	}
	return nil
}
