package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/topology/flux"
	"github.com/polybolt/polybolt/multilang/storm/stormtest"
)

// A streamparse project as it is, on the real streamparse: classes below src that
// nobody runs but streamparse_run.
func TestStreamparse(t *testing.T) {
	path, err := stormtest.StreamparsePath(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"json", "msgpack"} {
		t.Run(form, func(t *testing.T) {
			env := fmt.Sprintf("protocol: storm-%s, env: {PYTHONPATH: %q, PATH: %q}", form, path+":src", filepath.Join(path, "bin")+":"+os.Getenv("PATH"))
			dir := bundle(t, fmt.Sprintf(`name: words
spouts:
  sentences: {command: [streamparse_run, -s, %[1]s, spouts.sentences.Sentences], %[2]s, output: [sentence]}
bolts:
  split: {command: [streamparse_run, -s, %[1]s, bolts.split.Split], %[2]s, inputs: [sentences], output: [word]}
  group: {command: [streamparse_run, -s, %[1]s, bolts.count.Count], %[2]s, tick: 200ms, inputs: [{from: split, group: {fields: [word]}}], output: [word, n]}
  sum: {command: [python3, sum.py], inputs: [group]}
`, form, env))
			for from, to := range map[string]string{"pysentences.py": "spouts/sentences.py", "pysplit.py": "bolts/split.py", "pycount.py": "bolts/count.py"} {
				project(t, filepath.Join(dir, from), filepath.Join(dir, "src", to))
			}
			e, sum := listen(t, dir, "all acked", flux.Options{})
			checkCounts(t, e, false)
			if sum.Acked != 300 || sum.Failed != 30 || sum.Dead != 0 {
				t.Errorf("summary %+v", sum)
			}
			if len(e.said("on stdout, which pystorm makes a log line")) == 0 {
				t.Error("a print is gone")
			}
			if len(e.errors) == 0 || !strings.Contains(e.errors[0], "ValueError: no sevens yet") {
				t.Errorf("errors %q", e.errors)
			}
		})
	}
}

// project makes a module of a streamparse project of a component on pystorm:
// another import line, and no run at its end.
func project(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	text, run, found := strings.Cut(string(data), "(serializer=sys.argv[1]).run()")
	if !found || strings.TrimSpace(run) != "" {
		t.Fatalf("%s does not end in its run()", from)
	}
	text = text[:strings.LastIndex(text, "\n")+1]
	text = strings.Replace(text, "import sys\n\nfrom pystorm import", "from streamparse import", 1)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{to: text, filepath.Join(filepath.Dir(to), "__init__.py"): ""} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(from); err != nil {
		t.Fatal(err)
	}
}
