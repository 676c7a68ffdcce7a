package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/tools/program"
)

// language is one that components of the tests are written in.
type language struct {
	name, program, extension string
	itself                   []string // arguments with which the program prints its own path
}

var (
	python = language{"python", "python3", ".py", []string{"-c", "import sys; print(sys.executable)"}}
	node   = language{"node", "node", ".mjs", []string{"-p", "process.execPath"}}
)

// bothLanguages runs a test with Python and with Node components.
func bothLanguages(t *testing.T, test func(t *testing.T, l language)) {
	t.Parallel()
	for _, l := range []language{python, node} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			test(t, l)
		})
	}
}

// trial is a topology in a folder of its own, and what is left there by its
// components. These write what they have seen into files of that folder, so that
// no test needs to believe a figure of the engine.
type trial struct {
	t   *testing.T
	dir string
}

var (
	placeholder = regexp.MustCompile(`\{(\w+)\}`)
	scripts     = regexp.MustCompile(`[\w-]+\.(?:py|mjs)\b`)
)

// newTrial writes a topology and the components that it names. In the text
// {work} stands for "python3, work.py" or "node, work.mjs".
func newTrial(t *testing.T, l language, topology string) *trial {
	t.Helper()
	x := &trial{t, t.TempDir()}
	topology = placeholder.ReplaceAllStringFunc(topology, func(s string) string {
		if name := s[1 : len(s)-1]; l.program != "" && exists(filepath.Join("testdata", name+l.extension)) {
			return l.program + ", " + name + l.extension
		}
		return s
	})
	x.write("topology.yaml", "name: trial\n"+topology)
	x.copy("scene.py", "scene.mjs")
	x.copy(scripts.FindAllString(topology, -1)...)
	return x
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (x *trial) write(name, text string) {
	x.t.Helper()
	if err := os.WriteFile(filepath.Join(x.dir, name), []byte(text), 0o644); err != nil {
		x.t.Fatal(err)
	}
}

// copy takes components from testdata, if they are there: a missing one is the test's own affair.
func (x *trial) copy(names ...string) {
	x.t.Helper()
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			x.t.Fatal(err)
		}
		x.write(name, string(b))
	}
}

// start runs the topology. Tuples that are given up go to dead.jsonl in the folder.
func (x *trial) start(args ...string) *process {
	x.t.Helper()
	return start(x.t, x.dir, append([]string{"run", "--dead", "dead.jsonl"}, args...)...)
}

// run runs the topology to its end, which must be a good one.
func (x *trial) run(args ...string) *process {
	x.t.Helper()
	p := x.start(args...)
	p.exits(0)
	return p
}

// lines returns the lines of a file that components wrote; none if there is no such file.
func (x *trial) lines(name string) []string {
	x.t.Helper()
	b, err := os.ReadFile(filepath.Join(x.dir, name))
	if err != nil && !os.IsNotExist(err) {
		x.t.Fatal(err)
	}
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// size returns the number of bytes in a file that components write.
func (x *trial) size(name string) int64 {
	x.t.Helper()
	info, err := os.Stat(filepath.Join(x.dir, name))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		x.t.Fatal(err)
	}
	return info.Size()
}

// pids returns the processes that a component has had, in the order of their births.
func (x *trial) pids(component string) (pids []int) {
	x.t.Helper()
	for _, line := range x.lines("born") {
		if name, pid, ok := strings.Cut(line, " "); ok && name == component {
			n, err := strconv.Atoi(pid)
			if err != nil {
				x.t.Fatal(err)
			}
			pids = append(pids, n)
		}
	}
	return pids
}

// born waits until a component has had n processes and returns the last one.
func (x *trial) born(component string, n int) int {
	x.t.Helper()
	program.Eventually(x.t, patience, fmt.Sprintf("%d processes of %s", n, component), func() bool { return len(x.pids(component)) >= n })
	return x.pids(component)[n-1]
}

// lived checks that components had one process each, from beginning to end.
func (x *trial) lived(components ...string) {
	x.t.Helper()
	for _, c := range components {
		if pids := x.pids(c); len(pids) != 1 {
			x.t.Errorf("%s had the processes %v, want one", c, pids)
		}
	}
}

// ids returns the numbers in a file, each once, and how many there were in all.
func (x *trial) ids(name string) (ids map[int]bool, total int) {
	x.t.Helper()
	ids = map[int]bool{}
	for _, line := range x.lines(name) {
		n, err := strconv.Atoi(line)
		if err != nil {
			x.t.Fatalf("%s: %v", name, err)
		}
		ids[n] = true
		total++
	}
	return ids, total
}

// dead returns the values of the field id in dead.jsonl.
func (x *trial) dead() (ids []int) {
	x.t.Helper()
	for _, line := range x.lines("dead.jsonl") {
		var d struct{ Values struct{ ID int } }
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			x.t.Fatalf("%v in %s", err, line)
		}
		ids = append(ids, d.Values.ID)
	}
	return ids
}

// arrived checks that of the tuples 0 … n-1 every one has reached the sink,
// or is in dead.jsonl, which holds exactly those of the list.
func (x *trial) arrived(n int, dead ...int) {
	x.t.Helper()
	if got := x.dead(); !slices.Equal(got, dead) {
		x.t.Errorf("dead are %v, want %v", got, dead)
	}
	ids, _ := x.ids("arrived")
	var missing []int
	for i := range n {
		if !ids[i] && !slices.Contains(dead, i) {
			missing = append(missing, i)
		}
		delete(ids, i)
	}
	if len(missing) > 0 {
		x.t.Errorf("%d tuples are lost, such as %v", len(missing), missing[:min(len(missing), 10)])
	}
	if len(ids) > 0 {
		x.t.Errorf("%d tuples have come that nobody has sent", len(ids))
	}
}

// gone checks that no process of a component is left.
func (x *trial) gone(p *process, components ...string) {
	x.t.Helper()
	for _, c := range components {
		for _, pid := range x.pids(c) {
			if alive(pid) {
				x.t.Errorf("process %d of %s lives on", pid, c)
			}
		}
	}
}
