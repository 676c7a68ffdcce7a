package hosttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Numbers is a topology whose source and sink are files outside of it: what
// arrived is counted from there, whatever the cluster says of itself.
type Numbers struct {
	Topology string // folder to deploy
	Count    int

	dir string
}

// NewNumbers makes the topology: numbers 0 … count-1, rate a second, in so many workers.
func NewNumbers(t testing.TB, workers, count, rate int) *Numbers {
	t.Helper()
	n := &Numbers{Count: count, Topology: CopyExample(t, "host/hosttest/testdata/numbers"), dir: t.TempDir()}
	file := filepath.Join(n.Topology, "topology.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/nowhere", n.dir, "workers: 4", fmt.Sprintf("workers: %d", workers),
		"count: 20000", fmt.Sprintf("count: %d", count), "rate: 2000", fmt.Sprintf("rate: %d", rate)).Replace(string(b))
	WriteFile(t, n.Topology, "topology.yaml", text)
	return n
}

// Arrived returns how often each number has arrived at the sink.
func (n *Numbers) Arrived(t testing.TB) map[int]int {
	t.Helper()
	arrived := map[int]int{}
	b, err := os.ReadFile(filepath.Join(n.dir, "sink"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		number, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil || number < 0 || number >= n.Count {
			t.Fatalf("%q arrived", line)
		}
		arrived[number]++
	}
	return arrived
}

// Committed returns the number below which the source has been told that all are done.
func (n *Numbers) Committed(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, "position"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	position, err := strconv.Atoi(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return position
}

// AllDone waits until the source has been told that every number is done, and
// checks that each has arrived.
func (n *Numbers) AllDone(t testing.TB) {
	t.Helper()
	Eventually(t, "every number is done", func() bool { return n.Committed(t) == n.Count })
	if arrived := n.Arrived(t); len(arrived) != n.Count {
		t.Errorf("%d of %d numbers arrived", len(arrived), n.Count)
	}
}
