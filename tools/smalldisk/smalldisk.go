// Package smalldisk gives tests a disk that is soon full.
package smalldisk

import "testing"

// Need is [Mount] for a test that is nothing without it, which is skipped if
// no disk can be mounted here.
func Need(t testing.TB, size string) string {
	t.Helper()
	dir, err := Mount(t, size)
	if err != nil {
		t.Skipf("no disk can be mounted here: %v", err)
	}
	return dir
}
