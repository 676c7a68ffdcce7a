package topology

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bundle makes a folder with files; those whose content begins with "#!" or ELF's magic are executable.
func bundle(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(content, "#!") || strings.HasPrefix(content, "\x7fELF") || strings.HasPrefix(content, "x ") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCheckFiles tests what is said of a command, on a PATH with python3, node, sh and env.
func TestCheckFiles(t *testing.T) {
	t.Parallel()
	dir := bundle(t, map[string]string{
		"lines.py": "", "count.mjs": "", "lib/index.js": "", "tool.js": "", "pkg/__init__.py": "", "pkg/bolt.py": "", "pkg/sub/__main__.py": "", "app/__main__.py": "",
		"with blank.py": "", "run.sh": "#!/bin/sh\n", "plain.sh": "x no first line\n", "notes.txt": "x", "native": "\x7fELF", "data": "x any\n", "idle.py": "print()",
		"dos.sh": "#!/bin/sh\r\n", "lost.sh": "#!/no/such/interpreter\n", "blank.sh": "#! \n", "hidden.py": "#!/usr/bin/env -S python3 -I\n", "open.py": "#!/bin/sh -S\n",
		"bin/python3": "#!/bin/sh\n", "bin/node": "#!/bin/sh\n", "bin/sh": "#!/bin/sh\n", "bin/env": "#!/bin/sh\n", "bin/uv": "#!/bin/sh\n", "bin/locked": "text", "lib/storm/storm.py": "", "resources/split.py": "", "resources/count.py": "",
	})
	for _, c := range []struct{ command, want string }{
		{`[python3, lines.py]`, ""},
		{`[python3, -u, -W, ignore, lines.py, missing.py]`, ""},
		{`[python3, "with blank.py"]`, ""},
		{`[python3, -c, "x"]`, ""},
		{`[python3, app]`, ""},
		{`[env, X=1, python3, lines.py]`, ""},
		{`[uv, run, lines.py]`, ""},
		{`[node, count.mjs]`, ""},
		{`[node, tool]`, ""},
		{`[node, lib]`, ""},
		{`[node, --unknown, value, count.mjs]`, ""},
		{`[./run.sh, missing.py]`, ""},
		{`[lib/../run.sh]`, ""},
		{`[./native, missing.js]`, ""},
		{`[./data]`, ""},
		{`[./open.py]`, ""},
		{`[/bin/sh, run.sh]`, ""},
		{`[python3, -m, pkg.bolt]`, ""},
		{`[python3, -m, pkg.sub]`, ""},
		{`[python3, -m, pkg]`, ""},
		{`[python3, -m, not.in.the.bundle]`, ""},
		{`[python3, line.py]`, `3:26: spouts.s: there is no script "line.py" in the bundle, did you mean "lines.py"?`},
		{`[python3, pkg/bold.py]`, `3:26: spouts.s: there is no script "pkg/bold.py" in the bundle, did you mean "pkg/bolt.py"?`},
		{`[python3, nowhere/x.py]`, `3:26: spouts.s: there is no script "nowhere/x.py" in the bundle`},
		{`[python3, pkg]`, `3:26: spouts.s: the folder "pkg" has no __main__.py for Python to run`},
		{`[node, count.js]`, `3:23: spouts.s: there is no script "count.js" in the bundle, did you mean "count.mjs"?`},
		{`[python3, split.py]`, `3:26: spouts.s: there is no script "split.py" in the bundle, did you mean "resources/split.py"?`},
		{`[python3, spilt.py], protocol: storm-json`, `3:26: spouts.s: there is no script "spilt.py" in the bundle, did you mean "split.py"? (looked in ., resources, multilang/resources)`},
		{`[python3, x.py], protocol: storm-json, multilang_path: ../up`, `3:3: spouts.s: the folder of multilang_path "../up" lies outside the bundle, which is all that reaches the workers: move it in
3:26: spouts.s: there is no script "x.py" in the bundle (looked in ., ../up, resources, multilang/resources)`},
		{`[env, python3, x.py]`, `3:31: spouts.s: there is no script "x.py" in the bundle`},
		{`[python3, ../lines.py]`, `3:26: spouts.s: the script "../lines.py" lies outside the bundle, which is all that reaches the workers: move it in`},
		{`[python3, -m, pkg.bold]`, `3:30: spouts.s: the bundle has the package "pkg", but no module "pkg.bold" in it`},
		{`[pyhton3, lines.py]`, `3:17: spouts.s: the program "pyhton3" is not found in the component's own PATH: install it, or name a file of the bundle with its folder, as in ./bin/pyhton3`},
		{`[run.sh]`, `3:17: spouts.s: the program "run.sh" is not found in the component's own PATH, but the bundle has a file of that name: write "./run.sh"`},
		{`[locked]`, `3:17: spouts.s: the program "locked" is not executable: DIR/bin/locked`},
		{`["python3 lines.py"]`, `3:17: spouts.s: the program "python3 lines.py" is not found in the component's own PATH, and no shell splits it at blanks: write [python3, lines.py]`},
		{`[./idle.py]`, `3:17: spouts.s: the program "./idle.py" is not executable: run chmod +x on it, or name its interpreter before it`},
		{`[./nothing]`, `3:17: spouts.s: the program "./nothing": no such file or directory`},
		{`[./lib]`, `3:17: spouts.s: the program "./lib" is a folder`},
		{`[../x]`, `3:17: spouts.s: the program "../x" lies outside the bundle, which is all that reaches the workers: move it in`},
		{`[./plain.sh]`, `3:17: spouts.s: the script "./plain.sh" has no "#!" line that names its interpreter: add one, or name the interpreter before it`},
		{`[./dos.sh]`, `3:17: spouts.s: the first line of "./dos.sh" ends in a carriage return, which becomes part of the interpreter's name: save the file with line feeds only`},
		{`[./lost.sh]`, `3:17: spouts.s: the interpreter "/no/such/interpreter" in the first line of "./lost.sh" does not exist`},
		{`[./blank.sh]`, `3:17: spouts.s: the first line of "./blank.sh" names no interpreter after "#!"`},
		{`[./hidden.py]`, `3:17: spouts.s: the first line of "./hidden.py" runs Python with "-I", which ignores PYTHONPATH, through which the host gives the component its SDK: leave -E and -I out (-S is fine)`},
		{`[./hidden.py], protocol: storm-json`, ""},
		{`[./run.sh], protocol: storm-json, multilang_path: lib/storm`, ""},
		{`[./run.sh], protocol: storm-json, multilang_path: run.sh`, `3:3: spouts.s: the folder of multilang_path, "run.sh", is not in the bundle`},
		{`[./run.sh], protocol: storm-json, multilang_path: ../storm`, `3:3: spouts.s: the folder of multilang_path "../storm" lies outside the bundle, which is all that reaches the workers: move it in`},
	} {
		text := fmt.Sprintf("name: t\nspouts:\n  s: {command: %s, env: {PATH: \"/no/such/folder:bin\"}}\n", c.command)
		got := ""
		if _, err := Load("t.yaml", []byte(text), InFolder(dir)); err != nil {
			got = strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir, "DIR"), "t.yaml:", "")
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.command, got, c.want)
		}
	}
}

// TestCheckFilesAll tests that all problems of all components come at once, with those of the file's own, and that PATH is this process's where the component has none.
func TestCheckFilesAll(t *testing.T) {
	t.Parallel()
	text := "name: t\nspouts:\n  lines: {command: [sh, lines.sh], output: [line]}\nbolts:\n  split: {command: [no-such-program-at-all, x], inputs: [line]}\n"
	top, err := Load("t.yaml", []byte(text), InFolder(t.TempDir()))
	want := `t.yaml:3:25: spouts.lines: there is no script "lines.sh" in the bundle
t.yaml:5:21: bolts.split: the program "no-such-program-at-all" is not found in PATH: install it, or name a file of the bundle with its folder, as in ./bin/no-such-program-at-all
t.yaml:5:58: bolts.split.inputs.0: there is no component "line", did you mean "lines"?`
	if top != nil || err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestCheckFilesEmptyPathEntry tests that an empty entry of PATH is nothing, as it is to who starts the program.
func TestCheckFilesEmptyPathEntry(t *testing.T) {
	t.Parallel()
	dir := bundle(t, map[string]string{"mine": "#!/bin/sh\n"})
	text := "name: t\nspouts:\n  s: {command: [mine], env: {PATH: \":/bin:\"}}\n"
	want := `t.yaml:3:17: spouts.s: the program "mine" is not found in the component's own PATH, but the bundle has a file of that name: write "./mine"`
	if _, err := Load("t.yaml", []byte(text), InFolder(dir)); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestCheckFilesNoBundle tests a folder that cannot be read.
func TestCheckFilesNoBundle(t *testing.T) {
	t.Parallel()
	if _, err := Load("t.yaml", []byte(small), InFolder(filepath.Join(t.TempDir(), "gone"))); err == nil || !os.IsNotExist(unwrap(err)) {
		t.Errorf("got %v", err)
	}
}

func unwrap(err error) error {
	u, ok := err.(interface{ Unwrap() error })
	if !ok {
		return err
	}
	return u.Unwrap()
}
