package shells

import (
	"os/exec"
	"strings"
	"testing"
)

func TestReason(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, stderr, want string }{
		{"nothing", "", ""},
		{"blank", "\n \n", ""},
		{"plain", "one\ntwo\n\n", "two"},
		{"Python", "warming up\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    x\nNameError: name 'x' is not defined\nbye\n", "NameError: name 'x' is not defined"},
		{"an exception of any name", "Traceback (most recent call last):\n  File \"a.py\", line 1\nshop.Oops: no bread\nand no wine\n", "shop.Oops: no bread"},
		{"the last of a chain", "Traceback (most recent call last):\n  f\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  g\nValueError: 2\n", "ValueError: 2"},
		{"syntax", "  File \"a.py\", line 1\n    foo(\n       ^\nSyntaxError: '(' was never closed\n", "SyntaxError: '(' was never closed"},
		{"Node", "/a.js:1\nthrow new TypeError('x')\n^\n\nTypeError: x\n    at Object.<anonymous> (/a.js:1:7)\n\nNode.js v20.20.2\n", "TypeError: x"},
		{"Node's loader", "node:internal/errors:1\n  throw error;\n  ^\n\nError [ERR_MODULE_NOT_FOUND]: Cannot find package 'x'\n    at f\n\nNode.js v20\n", "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x'"},
		{"long", strings.Repeat("é", 200), strings.Repeat("é", 150) + "…"},
		{"cut off by the ring", "Error: half a line\n" + strings.Repeat("x", StderrTail) + "\nlast\n", "last"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := ring{size: StderrTail}
			r.write([]byte(test.stderr))
			if got := reason(r.bytes(), ""); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// What the real interpreters write.
func TestReasonOfRealInterpreters(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		want    string
		command []string
	}{
		{"ModuleNotFoundError: No module named 'no_such_module'", []string{"python3", "-c", "import no_such_module"}},
		{"ZeroDivisionError: division by zero", []string{"python3", "-c", "try:\n 1/0\nexcept Exception as e: raise"}},
		{"SyntaxError: ", []string{"python3", "-c", "def"}},
		{"RangeError: too far", []string{"node", "-e", "throw new RangeError('too far')"}},
		{"Error: Cannot find module 'nothing'", []string{"node", "-e", "require('nothing')"}},
	} {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			var stderr strings.Builder
			cmd := exec.CommandContext(t.Context(), test.command[0], test.command[1:]...)
			cmd.Stderr = &stderr
			if err := cmd.Run(); err == nil {
				t.Fatal("it exited with 0")
			}
			if got := reason([]byte(stderr.String()), ""); !strings.HasPrefix(got, test.want) {
				t.Errorf("%q, want %q of\n%s", got, test.want, stderr.String())
			}
		})
	}
}
