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

	dir string
}

// NewNumbers makes the topology: numbers from 0 on, rate a second, in so many
// workers. There are least of them, and more until [Numbers.AllDone].
func NewNumbers(t testing.TB, workers, least, rate int) *Numbers {
	t.Helper()
	n := &Numbers{Topology: CopyExample(t, "host/hosttest/testdata/numbers"), dir: t.TempDir()}
	file := filepath.Join(n.Topology, "topology.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/nowhere", n.dir, "workers: 4", fmt.Sprintf("workers: %d", workers),
		"count: 20000", fmt.Sprintf("count: %d", least), "rate: 2000", fmt.Sprintf("rate: %d", rate)).Replace(string(b))
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
		if err != nil || number < 0 {
			t.Fatalf("%q arrived", line)
		}
		arrived[number]++
	}
	return arrived
}

// Committed returns the number below which the source has been told that all are done.
func (n *Numbers) Committed(t testing.TB) int {
	t.Helper()
	position, _ := n.read(t, "position")
	return position
}

// read returns the number in a file that the source writes, if it is there.
func (n *Numbers) read(t testing.TB, name string) (number int, there bool) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false
	}
	if err != nil {
		t.Fatal(err)
	}
	if number, err = strconv.Atoi(string(b)); err != nil {
		t.Fatal(err)
	}
	return number, true
}

// AllDone lets the source come to its end, waits until it has been told that
// every number is done, and checks that each has arrived.
func (n *Numbers) AllDone(t testing.TB) {
	t.Helper()
	WriteFile(t, n.dir, "end", "")
	total := 0
	Eventually(t, "every number is done", func() bool {
		var ended bool
		total, ended = n.read(t, "total")
		return ended && n.Committed(t) == total
	})
	if missing := n.missing(t, total); missing > 0 || total == 0 {
		t.Errorf("%d of %d numbers have not arrived", missing, total)
	}
}

// missing returns how many of the first numbers have not arrived. What a source
// had emitted beyond them when it died does not count: the next one was told of its end before it got there.
func (n *Numbers) missing(t testing.TB, first int) (missing int) {
	t.Helper()
	arrived := n.Arrived(t)
	for i := range first {
		if arrived[i] == 0 {
			missing++
		}
	}
	return missing
}
