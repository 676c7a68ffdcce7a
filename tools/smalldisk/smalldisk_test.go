package smalldisk

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestADiskIsFullUntilItIsEnlarged(t *testing.T) {
	t.Parallel()
	dir := Need(t, "64k")
	file := filepath.Join(dir, "large")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("1 MiB on 64 KiB: %v", err)
	}
	Enlarge(t, dir, "4m")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Errorf("1 MiB on 4 MiB: %v", err)
	}
}
