package smalldisk

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Mount mounts a disk of a size such as 64k until the end of the test, and
// returns its folder. It takes rights that not every user has: without them it
// returns an error.
func Mount(t testing.TB, size string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+size); err != nil {
		return "", err
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, nil
}

// Enlarge makes room on the disk in a folder.
func Enlarge(t testing.TB, dir, size string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size="+size); err != nil {
		t.Fatal(err)
	}
}
