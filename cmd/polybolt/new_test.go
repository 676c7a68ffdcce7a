package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The tests of a new topology pass as they stand, without anything installed
// but what its README says.
func TestNewTestsPass(t *testing.T) {
	t.Parallel()
	for language, test := range map[string]func(*testing.T) []string{
		"python": func(t *testing.T) []string {
			return []string{pytest(t), "-m", "pytest", "-q", "-p", "no:cacheprovider"}
		},
		"node": func(*testing.T) []string { return []string{"npm", "test"} },
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			if p := start(t, parent, "new", "fresh", "--lang", language); p.Wait() != 0 {
				_, stderr := p.Output()
				t.Fatal(stderr)
			}
			args := test(t)
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Dir = filepath.Join(parent, "fresh")
			cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"), "TMPDIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if text := string(out); !strings.Contains(text, "3 passed") && !strings.Contains(text, "# pass 3") && !strings.Contains(text, "ℹ pass 3") {
				t.Errorf("not three tests ran:\n%s", text)
			}
		})
	}
}

// pytest returns a Python that has pytest: that of a private environment, since
// a test must not install anything into the user's.
func pytest(t *testing.T) string {
	t.Helper()
	// The arguments of tools/sdk-python.sh, so that both share it.
	out, err := exec.CommandContext(t.Context(), repository("tools", "venv.sh"), "python3", "test", "pytest", "--", "msgspec", "msgpack", "numpy").Output()
	if err != nil {
		t.Fatalf("tools/venv.sh: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// What `new` takes for a name is what a topology may be called.
func TestNewNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "Z9", "word-count_2", strings.Repeat("n", 64), strings.Repeat("n", 65), "9a", "_a", "-a", "__a", "a.b", "é", "a b", "a\n"} {
		dir := t.TempDir()
		topology := "name: " + quoteYAML(name) + "\nspouts:\n  s:\n    command: [python3, s.py]\n    output: [x]\n"
		for file, text := range map[string]string{"topology.yaml": topology, "s.py": ""} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		valid := start(t, dir, "validate").Wait() == 0
		if made := topologyName.MatchString(name); made != valid {
			t.Errorf("%q: new takes it: %v, validate does: %v", name, made, valid)
		}
	}
}

func quoteYAML(s string) string {
	return `"` + strings.ReplaceAll(s, "\n", `\n`) + `"`
}
