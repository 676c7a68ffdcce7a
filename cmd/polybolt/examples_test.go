package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/tools/program"
)

// example is a topology below examples-python or examples-js. It is run in a
// copy of its folder, and prints what its expected.txt says: the lines of its
// components, then the last line of the summary.
type example struct {
	dir       string
	install   []string // what is installed first
	args      []string // of run
	unordered bool     // lines come in any order
	last      bool     // only the last line of the components is always the same
	service   bool     // needs the folder's catalogue over HTTP
	writes    bool     // into its folder
}

var examples = []example{
	{dir: "examples-python/wordcount"},
	{dir: "examples-python/rolling-top", last: true, args: rollingFast},
	{dir: "examples-python/join", unordered: true},
	{dir: "examples-python/http-lookup", unordered: true, service: true},
	{dir: "examples-python/committing-spout", writes: true, args: []string{"--set", "spouts.lines.config.pause=0"}},
	{dir: "examples-python/with-dependency", install: pipInstall},
	{dir: "examples-python/third-language"},

	{dir: "examples-js/wordcount"},
	{dir: "examples-js/rolling-top", last: true, args: rollingFast},
	{dir: "examples-js/join", unordered: true},
	{dir: "examples-js/http-lookup", unordered: true, service: true},
	{dir: "examples-js/committing-spout", writes: true, args: []string{"--set", "spouts.lines.config.pause=0"}},
	{dir: "examples-js/with-dependency", install: []string{"npm", "ci", "--no-audit", "--no-fund"}},
	{dir: "examples-js/mixed-languages", unordered: true},
}

var (
	rollingFast = []string{"--set", "spouts.visits.config.speed=600", "--set", "bolts.count.tick=100ms", "--set", "bolts.top.tick=100ms"}
	pipInstall  = []string{"python3", "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--target", "vendor", "--requirement", "requirements.txt"}
)

func TestExamples(t *testing.T) {
	for _, e := range examples {
		t.Run(e.dir, func(t *testing.T) {
			t.Parallel()
			dir := copyFolder(t, repository(e.dir))
			before := filesOf(t, dir)
			args := append([]string{"run"}, e.args...)
			if e.install != nil {
				command(t, dir, e.install...)
			}
			if e.service {
				server := httptest.NewServer(http.FileServer(http.Dir(dir)))
				defer server.Close()
				args = append(args, "--set", "bolts.lookup.config.url="+server.URL+"/catalogue")
			}
			p := start(t, dir, args...)
			if code := p.Wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			e.compare(t, p)
			if diff := cmp.Diff(before, filesOf(t, dir)); diff != "" && !e.writes {
				t.Errorf("the run has changed the user's folder:\n%s", diff)
			}
		})
	}
}

// processID is what differs between two runs of an example.
var processID = regexp.MustCompile(`in process \d+`)

// compare compares what a run has printed with the example's expected.txt.
func (e *example) compare(t *testing.T, p *program.Program) {
	t.Helper()
	b, err := os.ReadFile(repository(e.dir, "expected.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	stdout, stderr := p.Output()
	got := componentLines(processID.ReplaceAllString(stderr, "in process N"))
	if e.last && len(got) > 0 {
		got = got[len(got)-1:]
	}
	got = append(got, lastLine(stdout))
	if e.unordered {
		slices.Sort(got[:len(got)-1])
		slices.Sort(want[:len(want)-1])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the output is not that of expected.txt (-want +got):\n%s\nstderr:\n%s\nstdout:\n%s", diff, stderr, stdout)
	}
}

// componentLines returns what components have printed: stderr without the
// status, which is a line every five seconds where there is no terminal.
func componentLines(stderr string) []string {
	var lines []string
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "polybolt: ") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func lastLine(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// Every folder of the examples is run by a test, says what it shows, and is
// valid as it stands.
func TestExamplesAreWhole(t *testing.T) {
	t.Parallel()
	var dirs []string
	for _, language := range []string{"examples-python", "examples-js"} {
		files, err := filepath.Glob(repository(language, "*", "topology.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			dirs = append(dirs, path.Join(language, filepath.Base(filepath.Dir(file))))
		}
	}
	for _, dir := range dirs {
		if !slices.ContainsFunc(examples, func(e example) bool { return e.dir == dir }) {
			t.Errorf("%s is missing in the table of examples", dir)
		}
	}
	for _, e := range examples {
		readme, err := os.ReadFile(repository(e.dir, "README.md"))
		if err != nil {
			t.Error(err)
		}
		for _, file := range filesOf(t, repository(e.dir)) {
			if slices.Contains([]string{".py", ".js", ".mjs", ".pl", ".pm"}, filepath.Ext(file)) && !strings.Contains(string(readme), "`"+file+"`") {
				t.Errorf("%s/README.md does not say what %s shows", e.dir, file)
			}
		}
		if p := start(t, repository(e.dir), "validate"); p.Wait() != 0 {
			_, stderr := p.Output()
			t.Errorf("%s: polybolt validate: %s", e.dir, stderr)
		}
	}
}
