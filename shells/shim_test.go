package shells

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// shimFolder makes a version manager with one shim, which logs that it was
// asked and answers what its folder's file "answer" says.
func shimFolder(t *testing.T, name string) (shim string, asked func() int) {
	t.Helper()
	root := t.TempDir()
	shim = filepath.Join(root, "shims", name)
	write(t, shim, "#!/bin/sh\necho \"$@\" >> "+root+"/log\n[ -f "+root+"/answer ] && cat "+root+"/answer\n", 0o755)
	return shim, func() int {
		b, _ := os.ReadFile(filepath.Join(root, "log"))
		return strings.Count(string(b), "\n")
	}
}

func write(t *testing.T, file, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestShimIsAskedOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"python3", "python3.11", "node"} {
		shim, asked := shimFolder(t, name)
		root := filepath.Dir(filepath.Dir(shim))
		real := write(t, filepath.Join(root, "versions", "1", "bin", name), "#!/bin/sh\n", 0o755)
		write(t, filepath.Join(root, "answer"), real+"\n", 0o644)
		dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "shims")
		env := map[string]string{"PATH": "/usr/bin:/bin", "HOME": t.TempDir()}

		var together sync.WaitGroup
		for range 5 {
			together.Go(func() {
				if got := behindShim(shim, dir, env, cache); got != real {
					t.Errorf("%s, want %s", got, real)
				}
			})
		}
		together.Wait()
		if asked() != 1 {
			t.Fatalf("%s was asked %d times", name, asked())
		}
		// Another process finds the answer on disk.
		forget(shim, dir, env)
		if got := behindShim(shim, dir, env, cache); got != real || asked() != 1 {
			t.Errorf("%s, asked %d times", got, asked())
		}
		for i, change := range []func(){
			func() { write(t, filepath.Join(dir, ".python-version"), "3.12\n", 0o644) },
			func() { env["PYENV_VERSION"] = "3.13" },
			func() { write(t, filepath.Join(root, "version"), "3.9\n", 0o644) },
			func() { write(t, filepath.Join(env["HOME"], ".tool-versions"), "python 3.9\n", 0o644) },
		} {
			change()
			if got := behindShim(shim, dir, env, cache); got != real || asked() != i+2 {
				t.Errorf("%s, asked %d times after %d changes", got, asked(), i+1)
			}
		}
		env["LANG"] = "C" // decides nothing
		behindShim(shim, dir, env, cache)
		if asked() != 5 {
			t.Error("an unrelated variable made it ask again")
		}
	}
}

// forget makes this process forget a shim, as a new process would.
func forget(shim, dir string, env map[string]string) {
	shims.mu.Lock()
	defer shims.mu.Unlock()
	delete(shims.known, shimKey(shim, dir, env))
}

func TestShimThatFailsIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	shim, asked := shimFolder(t, "python3") // without an answer
	root := filepath.Dir(filepath.Dir(shim))
	for i, answer := range []string{"", "bin/python3", "/no/such/python3", filepath.Join(filepath.Dir(shim), "python")} {
		write(t, filepath.Join(root, "answer"), answer, 0o644)
		env := map[string]string{"PATH": "/usr/bin:/bin", "PYENV_VERSION": strconv.Itoa(i)}
		for range 2 {
			if got := behindShim(shim, root, env, ""); got != shim || asked() != i+1 {
				t.Errorf("answer %q gave %s, asked %d times", answer, got, asked())
			}
		}
	}
}

func TestOnlyShimsAreAsked(t *testing.T) {
	t.Parallel()
	shim, asked := shimFolder(t, "ruby")
	plain := write(t, filepath.Join(filepath.Dir(shim), "..", "bin", "python3"), "#!/bin/sh\nexit 1\n", 0o755)
	for _, file := range []string{shim, plain} {
		if got := behindShim(file, "/", map[string]string{}, ""); got != file {
			t.Errorf("%s became %s", file, got)
		}
	}
	if asked() != 0 {
		t.Error("it was asked")
	}
}

// The interpreter that is found this way must know its own library.
func TestStartBehindAShim(t *testing.T) {
	t.Parallel()
	python, err := lookPath("python3", "/", "/usr/bin:/usr/local/bin")
	if err != nil {
		t.Skip(err)
	}
	shim, _ := shimFolder(t, "python3")
	write(t, filepath.Join(filepath.Dir(filepath.Dir(shim)), "answer"), python, 0o644)
	var p probe
	spec := p.spec(t, "python3", "-c", "import sys, json; print(sys.executable)")
	spec.Env = map[string]string{"PATH": filepath.Dir(shim) + ":/usr/bin:/bin"}
	c := start(t, spec)
	waitFor(t, c.Done(), "the exit")
	if got := strings.TrimSpace(p.out.String()); got != python || !p.exit.Clean() || p.exit.Command[0] != python {
		t.Errorf("it runs %q\n%s", got, p.exit.Report())
	}
}
