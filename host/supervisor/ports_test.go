package supervisor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/cluster"
)

// Ports are chosen once, however often a supervisor starts, and with however many slots.
func TestPortsStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	get := func(slots int) []cluster.Ports {
		t.Helper()
		ports, err := slotPorts(dir, slots)
		if err != nil {
			t.Fatal(err)
		}
		return ports
	}
	two := get(2)
	four := get(4)
	if !slices.Equal(four[:2], two) || !slices.Equal(get(1), two[:1]) || !slices.Equal(get(4), four) {
		t.Errorf("ports change: %v, %v", two, four)
	}
	seen := map[int]bool{}
	for _, ports := range four {
		for _, p := range ports {
			if p < 1 || seen[p] {
				t.Errorf("port %d in %v", p, four)
			}
			seen[p] = true
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "ports.json"), []byte("[[1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := slotPorts(dir, 2); err == nil || !strings.Contains(err.Error(), "ports.json") {
		t.Errorf("a file that is none: %v", err)
	}
}

func TestIdentityStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, err := identity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := identity(dir); err != nil || two != one {
		t.Errorf("it was %s and is %s, %v", one, two, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "id"), []byte("me"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := identity(dir); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("an id that is none: %v", err)
	}
}
