package shells

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What cannot be started is named, with what to do about it.
func TestStartExplains(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plain.py"), "print(1)\n", 0o644)
	write(t, filepath.Join(dir, "lost.sh"), "#!/no/such/shell -x\n", 0o755)
	write(t, filepath.Join(dir, "env.py"), "#!/usr/bin/env no-such-python\n", 0o755)
	write(t, filepath.Join(dir, "dos.sh"), "#!/bin/sh\r\nexit\r\n", 0o755)
	write(t, filepath.Join(dir, "bare.js"), "console.log(1)\n", 0o755)
	write(t, filepath.Join(dir, "elsewhere", "tool"), "#!/bin/sh\n", 0o644)
	for _, test := range []struct {
		name    string
		command []string
		dir     string
		env     map[string]string
		want    []string
	}{
		{"no command", nil, dir, nil, []string{"the command is empty"}},
		{"not on PATH", []string{"no-such-program"}, dir, map[string]string{"PATH": "/bin:/usr/bin"}, []string{`"no-such-program"`, "/bin:/usr/bin", "install it"}},
		{"a script without its interpreter", []string{"plain.py"}, dir, nil, []string{"[python3, plain.py]"}},
		{"no such file", []string{"./gone"}, dir, nil, []string{"/gone does not exist"}},
		{"a folder", []string{"./elsewhere"}, dir, nil, []string{"is a folder"}},
		{"not executable", []string{"./plain.py"}, dir, nil, []string{"chmod +x", "[python3, plain.py]"}},
		{"not executable on PATH", []string{"tool"}, dir, map[string]string{"PATH": "elsewhere"}, []string{"elsewhere/tool is not executable"}},
		{"no such interpreter", []string{"./lost.sh"}, dir, nil, []string{"lost.sh", `"/no/such/shell"`}},
		{"env finds nothing", []string{"./env.py"}, dir, nil, []string{"env.py", `"no-such-python"`}},
		{"Windows line ends", []string{"./dos.sh"}, dir, nil, []string{"carriage return"}},
		{"no #! line", []string{"./bare.js"}, dir, nil, []string{"neither a program", "[node, bare.js]"}},
		{"no such folder", []string{"true"}, "/no/such/folder", nil, []string{"working folder", "/no/such/folder"}},
		{"a zero byte", []string{"true", "a\x00b"}, dir, nil, []string{"argument 1", "zero byte"}},
		{"a bad variable", []string{"true"}, dir, map[string]string{"A=B": "c"}, []string{`"A=B"`}},
		{"too long", []string{"true", strings.Repeat("x", 3<<20)}, dir, nil, []string{"true", "argument list too long"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(Spec{Name: "words/split[0]", Command: test.command, Dir: test.dir, Env: test.env})
			if err == nil {
				t.Fatal("it was started")
			}
			for _, want := range append(test.want, "start words/split[0]: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}

// D55: arguments arrive verbatim, the folder and the environment as documented.
func TestD55CommandAndEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := "#!/bin/sh\nprintf '<%s>' \"$0\" \"$@\"; printf '|%s|%s|%s|%s' \"$PWD\" \"$MINE\" \"$PATH\" \"$HOME\"\n"
	write(t, filepath.Join(dir, "my tools", "a tool"), script, 0o755)
	args := []string{"", " ", "a b", "$HOME", "*", "'", `"\`, "ü\xff", "-n"}
	for _, test := range []struct{ name, command, path, arg0 string }{
		{"with a slash", "./my tools/a tool", "/usr/bin:/bin", "./my tools/a tool"},
		{"on a relative PATH", "a tool", "my tools:/usr/bin:/bin", filepath.Join(dir, "my tools/a tool")},
		{"empty entries of PATH", "a tool", "::" + dir + "/my tools::", filepath.Join(dir, "my tools/a tool")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var p probe
			spec := p.spec(t, append([]string{test.command}, args...)...)
			spec.Dir = dir
			spec.Env = map[string]string{"MINE": "x=y", "PATH": test.path}
			c := start(t, spec)
			waitFor(t, c.Done(), "the exit")
			// The kernel hands a script's path on instead of argv[0].
			got := strings.Replace(p.out.String(), "<"+filepath.Join(dir, "my tools/a tool")+">", "<"+test.arg0+">", 1)
			want := "<" + strings.Join(append([]string{test.arg0}, args...), "><") + ">|" + dir + "|x=y|" + test.path + "|" + os.Getenv("HOME")
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if p.exit.Interpreter != realPath("/bin/sh") || !cmp.Equal(p.exit.Command[1:], args) || p.exit.Dir != dir {
				t.Errorf("%+v", p.exit)
			}
		})
	}
}

func TestEnvironmentHoldsNoSecret(t *testing.T) {
	t.Parallel()
	got := withoutSecrets([]string{
		"HOME=/h", "POLYBOLT_TOKEN_FILE=/t", "POLYBOLT_NIMBUS=u", "POLYBOLT_ANY_KEY=k", "POLYBOLT_BUNDLE=/b",
		"POLYBOLT_HOME=/s", "POLYBOLT_LEVEL=rows", "NOTIFY_SOCKET=/n", "LISTEN_FDS=1", "EMPTY=", "A=b=c", "=odd", "broken",
	})
	want := map[string]string{"HOME": "/h", "POLYBOLT_HOME": "/s", "POLYBOLT_LEVEL": "rows", "EMPTY": "", "A": "b=c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInterpreter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sh := realPath("/bin/sh")
	for _, test := range []struct{ name, script, want string }{
		{"plain", "#!/bin/sh\n", sh},
		{"with an option", "#! /bin/sh -e\n", sh},
		{"by env", "#!/usr/bin/env sh\n", sh},
		{"by env with options", "#!/usr/bin/env -S sh -e\n", realPath("/usr/bin/env")},
		{"without an end", "#!/bin/sh", sh},
		{"a program", "\x7fELF", ""},
		{"empty", "", ""},
	} {
		file := write(t, filepath.Join(dir, test.name), test.script, 0o755)
		if test.want == "" {
			test.want = realPath(file)
		}
		if got, err := interpreter(file, "/usr/bin:/bin", dir); got != test.want || err != nil {
			t.Errorf("%s: %q, %v", test.name, got, err)
		}
	}
}
