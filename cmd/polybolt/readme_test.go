package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is what stands between fences in a document.
var block = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

func blocks(t *testing.T, file, language string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range block.FindAllStringSubmatch(string(b), -1) {
		if m[1] == language {
			list = append(list, m[2])
		}
	}
	return list
}

// Building is what the Makefile and the tests' main do; the rest of the README
// is run here, as one reads it, the last block with a cluster of `polybolt dev`.
const readmeBuild = "git clone https://github.com/polybolt/polybolt\ncd polybolt\nmake build\nexport PATH=\"$PWD/bin:$PATH\"\n"

func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	shell := blocks(t, repository("README.md"), "sh")
	if len(shell) != 4 || shell[0] != readmeBuild {
		t.Fatalf("README.md has %d blocks of commands, the first of them:\n%s\nthis test knows four, the first of them:\n%s", len(shell), shell[0], readmeBuild)
	}
	// Not t.TempDir: the path of a socket must be short.
	dir, err := os.MkdirTemp("", "pb-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := sandbox{t, dir}
	s.run(shell[1], "made hello", "acked 6 failed 0 dead 0")
	s.run(shell[2], "ok: hello", "split  bolt   2 tasks", "acked 6 failed 0 dead 0")

	dev := startWith(t, dir, s.environ(), "dev", "--listen", "127.0.0.1:0")
	eventually(t, "the cluster is there", func() bool {
		stdout, stderr := dev.Output()
		select {
		case <-dev.Ended():
			t.Fatalf("polybolt dev has ended: %s%s", stdout, stderr)
		default:
		}
		return strings.Contains(stdout, "A cluster with")
	})
	s.run(shell[3], "packed hello", "version 1 runs", "hello: active", "worker coordinator session begun", "split 3/3, count 1/1", "hello is gone")
	dev.Signal(os.Interrupt)
	if code := dev.Wait(); code != 0 {
		_, stderr := dev.Output()
		t.Errorf("polybolt dev ended with exit code %d: %s", code, stderr)
	}
}

// sandbox runs commands as a user with a folder and a state of their own.
type sandbox struct {
	t   *testing.T
	dir string
}

func (s sandbox) environ() []string {
	return append(os.Environ(), "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"),
		"POLYBOLT_HOME="+filepath.Join(s.dir, "state"), "XDG_RUNTIME_DIR="+s.dir, "POLYBOLT_NIMBUS=", "POLYBOLT_TOKEN_FILE=")
}

// run runs lines in a shell that stops at the first that fails, and looks for what they print.
func (s sandbox) run(lines string, wants ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "sh", "-eux", "-c", lines)
	cmd.Dir, cmd.Env = s.dir, s.environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s\n%v\n%s", lines, err, out)
	}
	for _, want := range wants {
		if !strings.Contains(string(out), want) {
			s.t.Errorf("%s\nit has not printed %q:\n%s", lines, want, out)
		}
	}
}

// The topology of the README is valid, and its Python is the component of that name.
func TestReadmeTopology(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{"topology.yaml": blocks(t, repository("README.md"), "yaml")[0], "split.py": blocks(t, repository("README.md"), "python")[0]}
	files["lines.py"] = "from polybolt import spout\n\n@spout\ndef lines():\n    yield from ['to be or', 'not to be']\n\nlines.run()\n"
	files["count.mjs"] = "import { bolt } from 'polybolt';\nbolt(({ word }) => console.log(word)).run();\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, dir, "run")
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	stdout, stderr := p.Output()
	if strings.Count(stderr, "count | be\n") != 2 || lastLine(stdout) != "acked 2 failed 0 dead 0" {
		t.Errorf("it does not count words:\n%s%s", stderr, stdout)
	}
}

// What documents link to is there.
func TestDocumentLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^):#]+)(#[^)]*)?\)`)
	documents := []string{"README.md", "CONTRIBUTING.md", "examples-python/README.md", "examples-js/README.md"}
	for _, e := range examples {
		documents = append(documents, e.dir+"/README.md")
	}
	for _, document := range documents {
		b, err := os.ReadFile(repository(document))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(repository(filepath.Dir(document), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", document, m[1], err)
			}
		}
	}
}
