package shells

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// StateDir returns the folder where Polybolt keeps what it can make anew:
// $POLYBOLT_HOME, else polybolt in $XDG_STATE_HOME, else ~/.local/state/polybolt.
// It makes the folder if need be, for its owner alone. If nobody named it and
// it cannot be written, it is a folder for this user among the temporary ones.
func StateDir() (string, error) {
	if dir := os.Getenv("POLYBOLT_HOME"); dir != "" {
		dir, err := filepath.Abs(dir)
		if err == nil {
			err = writable(dir)
		}
		if err != nil {
			return "", fmt.Errorf("POLYBOLT_HOME names a folder that cannot be used: %w", err)
		}
		return dir, nil
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) { // "relative paths are invalid", says the specification
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return ownTemp(os.TempDir())
		}
		dir = filepath.Join(home, ".local", "state")
	}
	dir = filepath.Join(dir, "polybolt")
	if writable(dir) != nil {
		return ownTemp(os.TempDir())
	}
	return dir, nil
}

// writable makes a folder and tries to write there: modes alone do not tell,
// with read-only file systems and access lists about.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// ownTemp makes a folder for this user in a folder that all may write to. There
// anyone could have put a folder, or a link, of that name before us.
func ownTemp(temp string) (string, error) {
	dir := filepath.Join(temp, fmt.Sprintf("polybolt-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make a folder for state (set POLYBOLT_HOME to choose one): %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(owner.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s is not a folder of this user alone (mode 0700): remove it, or set POLYBOLT_HOME to another", dir)
	}
	return dir, writable(dir)
}
