package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Every golden value crosses Python, Go, Node and Python through the engine, at
// every level, beside values of its own kind, beside nulls and beside others, and
// is what it was; what cannot be sent is refused by emit, which names the field.
func TestValuesCrossEveryLanguage(t *testing.T) {
	const same, python, node = "check | 70 of 70 values, 620 times", "check | refused by Python 9", "check | refused by Node 8"
	echo := filepath.Join(t.TempDir(), "go-echo")
	command(t, ".", "go", "build", "-o", echo, "./testdata/values/go")
	vectors, err := os.ReadFile(repository("multilang/testdata/vectors/values.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range []string{"columns", "rows"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			dir := copyFolder(t, "testdata/values")
			if err := os.WriteFile(filepath.Join(dir, "values.json"), vectors, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(echo, filepath.Join(dir, "go-echo")); err != nil {
				t.Fatal(err)
			}
			args := []string{"run"}
			for _, component := range []string{"spouts.values", "bolts.node-echo", "bolts.check"} {
				args = append(args, "--set", component+".env.POLYBOLT_LEVEL="+level)
			}
			p := start(t, dir, args...)
			if code := p.Wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			stdout, stderr := p.Output()
			lines := componentLines(stderr)
			slices.Sort(lines)
			if want := []string{same, node, python}; !slices.Equal(lines, want) {
				t.Errorf("printed:\n%s\nwanted %q", stderr, want)
			}
			if got := lastLine(stdout); got != "acked 621 failed 0 dead 0" {
				t.Errorf("last line %q", got)
			}
		})
	}
}
