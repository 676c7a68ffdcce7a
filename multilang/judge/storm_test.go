package judge_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/judge"
	"github.com/polybolt/polybolt/multilang/storm/stormtest"
	"github.com/polybolt/polybolt/shells"
)

// library is one that people wrote their components for Storm with.
type library struct {
	name    string
	command []string
	file    string // Storm's, to lie beside the components
	form    judge.Storm
	nature  map[string]string // what it fails by its nature: a transcript, and a pattern of what is wrong
}

// What several fail: JSON holds no bytes, and user code prints where messages go.
const (
	noBytes = "14" // the row of the values with bytes in it
	prints  = "it prints \"printed for row 1"
	rounds  = "|does not fit 64 bits" // what comes of an integer near 2^63 in Node
)

var stormLibraries = []library{
	{"storm.py", []string{"python3", "components.py"}, "storm.py", judge.Storm{NaN: true}, map[string]string{"values": noBytes, "storm-printing": prints}},
	{"storm.js", []string{"node", "components.js"}, "storm.js", judge.Storm{}, map[string]string{"values": noBytes + rounds, "storm-printing": prints,
		"failed": "its kind is \"fail\""}},
	{"storm.rb", []string{"ruby", "components.rb"}, "storm.rb", judge.Storm{}, map[string]string{"values": noBytes, "storm-printing": prints,
		"storm-spout-ids": `\[3\], is to ask for an outcome`}},
	{"pystorm, JSON", []string{"python3", "on_pystorm.py", "json"}, "", judge.Storm{NaN: true}, map[string]string{"values": noBytes, "storm-printing": prints}},
	{"pystorm, msgpack", []string{"python3", "on_pystorm.py", "msgpack"}, "", judge.Storm{Msgpack: true}, map[string]string{"values": "the program ended", "storm-printing": prints}},
}

// The real libraries go through the judge. What they fail by their nature is in
// the table above and on the page of differences, and nowhere else.
func TestStormLibraries(t *testing.T) {
	page, err := os.ReadFile("../../docs/storm-differences.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range stormLibraries {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(l.command[0]); err != nil {
				t.Skipf("%s is not installed: apt-get install %s", l.command[0], l.command[0])
			}
			dir, env := l.folder(t)
			for name := range l.nature {
				if row := regexp.MustCompile("(?m)^\\| `" + name + "` \\|.*" + regexp.QuoteMeta(strings.Split(l.name, ",")[0])); !row.Match(page) {
					t.Errorf("docs/storm-differences.md does not say that %s fails %s", l.name, name)
				}
			}
			for _, tr := range load(t) {
				t.Run(tr.Name, func(t *testing.T) {
					t.Parallel()
					patience := time.Minute // on a busy machine
					if _, known := l.nature[tr.Name]; known {
						patience = 6 * time.Second // some of it is waited for in vain
					}
					r, err := judge.Play(t.Context(), tr, multilang.Columns, l.start(dir, env, tr.Kind == "spout"),
						judge.Options{Scratch: t.TempDir(), Patience: patience, Storm: &l.form})
					if err != nil {
						t.Fatal(err)
					}
					l.judge(t, r)
				})
			}
		})
	}
}

// judge compares a result with what is known of the library.
func (l *library) judge(t *testing.T, r judge.Result) {
	t.Helper()
	part, known := l.nature[r.Transcript]
	switch {
	case !known:
		report(t, r)
	case r.Verdict != judge.Failed:
		t.Errorf("it was known to fail: %s", part)
	case !regexp.MustCompile(part).MatchString(r.Fault.What):
		t.Errorf("it fails otherwise than was known (%s):", part)
		report(t, r)
	}
}

// folder makes a folder with the components and the library.
func (l *library) folder(t *testing.T) (dir string, env map[string]string) {
	t.Helper()
	dir = t.TempDir()
	files := []string{filepath.Join("../testdata/components/storm", l.command[1])}
	if l.file == "" {
		path, err := stormtest.PystormPath(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		env = map[string]string{"PYTHONPATH": path}
	} else {
		file, err := stormtest.Library(t.Context(), l.file)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, env
}

// start starts a component of the folder as the host starts one written for Storm.
func (l *library) start(dir string, env map[string]string, spout bool) judge.Start {
	code, err := os.ReadFile(filepath.Join(dir, l.command[1]))
	return func(component string, _ multilang.Level, h judge.Handlers) (judge.Process, error) {
		if component == judge.Any {
			component = map[bool]string{false: "echo", true: "sequence"}[spout]
		}
		if err != nil || !l.has(string(code), component) {
			return nil, fmt.Errorf("%w: %s", judge.ErrUnknown, component)
		}
		spec := shells.Spec{
			Name: l.name + "/" + component, Command: l.command, Dir: dir, Env: map[string]string{"POLYBOLT_COMPONENT": component},
			Output:     func(b []byte) (int, int, error) { h.Output(b); return len(b), 0, nil },
			StderrLine: func(b []byte) { h.Stderr(append(append([]byte(nil), b...), '\n')) },
			Exited:     func(e shells.Exit) { h.Exited(e.Code, e.String()) },
		}
		for k, v := range env {
			spec.Env[k] = v
		}
		child, err := shells.Start(spec)
		return process{child}, err
	}
}

// has tells whether a file of components has one of that name.
func (l *library) has(code, component string) bool {
	for _, form := range []string{"\nclass " + strings.ReplaceAll(component, "-", "_") + "(", "\n  " + component + ":", "\n  '" + component + "':", "\n  \"" + component + "\" =>"} {
		if strings.Contains(code, form) {
			return true
		}
	}
	return false
}
