package supervisor

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
)

// Ports are chosen once, however often a supervisor starts, and with however
// many slots; a worker that lives on at its port does not change that.
func TestPortsStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep := func(slots int) []cluster.Ports {
		t.Helper()
		p, err := keepPorts(dir, "127.0.0.1", slots, func(slot, from, to int) { t.Errorf("slot %d moves from %d to %d", slot, from, to) })
		if err != nil {
			t.Fatal(err)
		}
		p.close()
		return p.of
	}
	two := keep(2)
	config := net.ListenConfig{Control: slot.Share}
	worker, err := config.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", two[0][0]))
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	four := keep(4)
	if !slices.Equal(four[:2], two) || !slices.Equal(keep(1), two[:1]) || !slices.Equal(keep(4), four) {
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
	if _, err := keepPorts(dir, "127.0.0.1", 2, nil); err == nil || !strings.Contains(err.Error(), "ports.json") {
		t.Errorf("a file that is none: %v", err)
	}
}

// A port is kept from others and not from workers. One that somebody else has
// taken meanwhile is replaced, and the file says so.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := keepPorts(dir, "127.0.0.1", 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	port := first.of[0][0]
	address := fmt.Sprintf("127.0.0.1:%d", port)
	if l, err := net.Listen("tcp", address); err == nil {
		l.Close()
		t.Fatal("somebody else can listen at a port that is kept")
	}
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("a port without a worker takes connections")
	}
	first.close()
	stranger, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("somebody was faster: %v", err)
	}
	defer stranger.Close()
	var moves [][3]int
	second, err := keepPorts(dir, "127.0.0.1", 1, func(slot, from, to int) { moves = append(moves, [3]int{slot, from, to}) })
	if err != nil {
		t.Fatal(err)
	}
	defer second.close()
	if now := second.of[0][0]; now == port || !slices.Equal(moves, [][3]int{{0, port, now}}) || second.of[0][1] != first.of[0][1] {
		t.Errorf("ports %v after %v, told %v", second.of, first.of, moves)
	}
	saved, err := readPorts(filepath.Join(dir, "ports.json"))
	if err != nil || !slices.Equal(saved, second.of) {
		t.Errorf("the file says %v, %v", saved, err)
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
