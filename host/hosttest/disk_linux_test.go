package hosttest

import (
	"testing"

	"golang.org/x/sys/unix"
)

// smallDisk is mountDisk for a test that is nothing without it.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir, err := mountDisk(t, size)
	if err != nil {
		t.Skipf("no disk can be mounted here: %v", err)
	}
	return dir
}

// mountDisk mounts a disk of a size, which takes rights that not every user has.
func mountDisk(t *testing.T, size string) (string, error) {
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

// enlarge makes room on a small disk.
func enlarge(t *testing.T, dir, size string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size="+size); err != nil {
		t.Fatal(err)
	}
}
