package hosttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
)

// example is a topology below examples-python or examples-js that runs on a
// cluster. What it prints there is what its expected.txt has for `polybolt run`.
type example struct {
	dir       string
	install   []string // what is installed first
	set       []string // options of deploy
	unordered bool     // lines come in any order
	last      bool     // only the last line of the components is always the same
	service   bool     // needs the folder's catalogue over HTTP
	files     []string // options that name files to write: a bundle on a cluster is read-only
}

// The same table as that of the tests of `polybolt run`, and what differs on a cluster.
var examples = []example{
	{dir: "examples-python/wordcount"},
	{dir: "examples-python/rolling-top", last: true, set: rollingFast},
	{dir: "examples-python/join", unordered: true},
	{dir: "examples-python/http-lookup", unordered: true, service: true},
	{dir: "examples-python/committing-spout", set: []string{"spouts.lines.config.pause=0"}, files: committing},
	{dir: "examples-python/with-dependency", install: []string{"python3", "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--target", "vendor", "--requirement", "requirements.txt"}},
	{dir: "examples-python/third-language"},

	{dir: "examples-js/wordcount"},
	{dir: "examples-js/rolling-top", last: true, set: rollingFast},
	{dir: "examples-js/join", unordered: true},
	{dir: "examples-js/http-lookup", unordered: true, service: true},
	{dir: "examples-js/committing-spout", set: []string{"spouts.lines.config.pause=0"}, files: committing},
	{dir: "examples-js/with-dependency", install: []string{"npm", "ci", "--no-audit", "--no-fund"}},
	{dir: "examples-js/mixed-languages", unordered: true},
}

var (
	rollingFast = []string{"spouts.visits.config.speed=600", "bolts.count.tick=100ms", "bolts.top.tick=100ms"}
	committing  = []string{"spouts.lines.config.position", "bolts.store.config.path"}
)

// D58: the same topology run with `run` and with `deploy` on a cluster of one
// machine gives the same output, and the same outcome for every tuple.
func TestD58_GoldenOutputOnACluster(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"examples-python", "examples-js"} { // names are the same in both
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			c := Start(t, Config{ZooKeeper: zookeeper, Slots: 8})
			for _, e := range examples {
				if !strings.HasPrefix(e.dir, language) {
					continue
				}
				t.Run(filepath.Base(e.dir), func(t *testing.T) { e.run(t, c) })
			}
		})
	}
}

func (e *example) run(t *testing.T, c *Cluster) {
	dir := CopyExample(t, e.dir)
	if e.install != nil {
		cmd := exec.CommandContext(t.Context(), e.install[0], e.install[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(e.install, " "), err, out)
		}
	}
	set := slices.Clone(e.set)
	if e.service {
		server := httptest.NewServer(http.FileServer(http.Dir(dir)))
		defer server.Close()
		set = append(set, "bolts.lookup.config.url="+server.URL+"/catalogue")
	}
	written := t.TempDir()
	for i, option := range e.files {
		set = append(set, fmt.Sprintf("%s=%s", option, filepath.Join(written, fmt.Sprint(i))))
	}
	b, err := os.ReadFile(filepath.Join(dir, "expected.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	outcome := want[len(want)-1]
	text, err := os.ReadFile(filepath.Join(dir, "topology.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	top, err := topology.Load("topology.yaml", text)
	if err != nil {
		t.Fatal(err)
	}

	args := []string{"deploy", dir}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	c.MustCLI(t, args...)
	var reached string
	var causes map[string]int64
	defer func() {
		if t.Failed() {
			t.Logf("outcome: %s %v", reached, causes)
		}
	}()
	Eventually(t, "every tree is done: "+outcome, func() bool {
		f, err := c.API.Figures(t.Context(), top.Name)
		if err != nil || len(f.Workers) == 0 {
			return false
		}
		var acked, failed, dead int64
		for _, w := range f.Workers {
			acked, failed, dead = acked+w.Acked, failed+w.Failed, dead+w.Dead
		}
		reached = fmt.Sprintf("acked %d failed %d dead %d", acked, failed, dead)
		causes = f.Workers[0].ByCause
		return reached == outcome
	})
	c.MustCLI(t, "kill", string(top.Name))
	got := componentLines(t, c, top)
	if e.last && len(got) > 0 {
		got = got[len(got)-1:]
	}
	got = append(got, reached)
	if e.unordered {
		slices.Sort(got[:len(got)-1])
		slices.Sort(want[:len(want)-1])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the output is not that of expected.txt (-want +got):\n%s", diff)
	}
}

// processID is what differs between two runs of an example.
var processID = regexp.MustCompile(`in process \d+`)

// componentLines returns what the components of a topology have said on the
// first machine, as `polybolt run` shows it.
func componentLines(t *testing.T, c *Cluster, top *topology.Topology) []string {
	t.Helper()
	name := map[int]string{}
	for _, task := range top.Tasks() {
		name[int(task.ID)] = string(task.Component.ID)
		if task.Component.Parallelism > 1 {
			name[int(task.ID)] = fmt.Sprintf("%s[%d]", task.Component.ID, task.Index)
		}
	}
	files, err := filepath.Glob(filepath.Join(slot.Logs(c.supervisorDir(0), string(top.Name), "*"), slot.LogFile))
	if err != nil || len(files) != 1 {
		t.Fatalf("log files: %v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		var l struct {
			Msg   string
			Level string
			Task  int
		}
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Errorf("a line that is none: %s", s.Text())
		}
		if l.Task == 0 {
			continue // the worker's own
		}
		level := ""
		if l.Level != "INFO" {
			level = l.Level + " "
		}
		lines = append(lines, name[l.Task]+" | "+level+processID.ReplaceAllString(l.Msg, "in process N"))
	}
	return lines
}
