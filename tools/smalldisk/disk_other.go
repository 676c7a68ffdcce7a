//go:build !linux

package smalldisk

import (
	"errors"
	"testing"
)

// Mount returns an error: only Linux can do it.
func Mount(testing.TB, string) (string, error) {
	return "", errors.New("only Linux has disks in memory that a test can mount")
}

// Enlarge fails the test: there is no disk.
func Enlarge(t testing.TB, _, _ string) {
	t.Helper()
	t.Fatal("there is no disk to enlarge")
}
