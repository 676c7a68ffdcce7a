package host

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/topology/flux"
	"github.com/polybolt/polybolt/multilang/storm/stormtest"
)

// fileBlock is a block of a page that begins with the name of a file.
var fileBlock = regexp.MustCompile("(?s)```[a-z]+\n# ([a-z/.]+)\n(.*?)\n```")

// page writes the files that a page of docs shows into a folder.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	blocks := fileBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) == 0 || len(blocks) != strings.Count(string(text), "\n```")/2 {
		t.Fatalf("%s: %d files in %d blocks", name, len(blocks), strings.Count(string(text), "\n```")/2)
	}
	for _, b := range blocks {
		file := filepath.Join(dir, filepath.FromSlash(b[1]))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b[2]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestExamplesOfFromStorm(t *testing.T) {
	dir := page(t, "from-storm.md")
	for _, own := range []bool{false, true} {
		if own {
			lib, err := stormtest.Library(t.Context(), "storm.py")
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(lib)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "storm.py"), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		e, sum := listen(t, dir, "", flux.Options{})
		if sum.Acked != 20 || sum.Failed != 0 || len(e.said("count: the: 20")) != 1 || len(e.said("count: moon: 10")) != 1 {
			t.Errorf("with storm.py %t: %+v, %q", own, sum, e.lines)
		}
		if told := len(e.said("gets Polybolt's module")) > 0; told == own {
			t.Errorf("with storm.py %t: told of the module: %t", own, told)
		}
	}
	e, sum := listen(t, filepath.Join(dir, "flux.yaml"), "log: ['nathan']", flux.Options{Values: map[string]string{"name": "words"}})
	if sum.Acked == 0 || sum.Failed > 0 || len(e.errors) > 0 {
		t.Errorf("%+v, %q", sum, e.errors)
	}
}

func TestExamplesOfFromStreamparse(t *testing.T) {
	e, sum := listen(t, page(t, "from-streamparse.md"), "", flux.Options{})
	if sum.Acked != 20 || sum.Failed != 0 || len(e.said("log: ['dog', 10]")) != 1 || len(e.said("log: ['cat', 10]")) != 1 {
		t.Errorf("%+v, %q", sum, e.lines)
	}
}
