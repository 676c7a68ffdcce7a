package hosttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Book returns a whole book: the Go distribution ships one.
func Book(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "src", "testdata", "Isaac.Newton-Opticks.txt")
}

// CopyExample copies an example's folder, for a test that changes it. The path
// is relative to the module's folder.
func CopyExample(t testing.TB, example string) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), filepath.Base(example))
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, example))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// WriteFile writes a file of a topology's folder.
func WriteFile(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// endlessLines is a spout that never ends, for the word count: a line of the
// text every so many seconds, again and again.
const endlessLines = `
import time

from polybolt import spout


@spout
def lines(conf):
    while True:
        with open(conf["path"], encoding="utf-8", errors="replace") as text:
            for line in text:
                yield line
                time.sleep(conf.get("every", 0.002))


lines.run()
`

// EndlessWordCount returns the folder of a word count whose spout never ends.
func EndlessWordCount(t testing.TB) string {
	t.Helper()
	dir := CopyExample(t, "examples-python/wordcount")
	WriteFile(t, dir, "lines.py", endlessLines)
	return dir
}
