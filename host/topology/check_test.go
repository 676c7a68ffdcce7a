package topology

import (
	"fmt"
	"strings"
	"testing"
)

// TestLimits tests the bounds that the examples in testdata would be too long for.
func TestLimits(t *testing.T) {
	t.Parallel()
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	spout := func(keys string) string { return "name: t\nspouts:\n  s: {command: [a], " + keys + "}\n" }
	for _, c := range []struct{ what, text, want string }{
		{"field", spout(`output: ["` + strings.Repeat("é", maxFieldChars+1) + `"]`), `t.yaml:3:30: spouts.s.output.0: a field's name of 256 characters is longer than the limit of 255`},
		{"the longest field", spout(`output: ["` + strings.Repeat("é", maxFieldChars) + `"]`), ""},
		{"fields", spout("output: [" + repeat(maxFields+1, "f%d, ") + "]"), `t.yaml:3:29: spouts.s.output: 1001 fields are more than the limit of 1000`},
		{"streams", spout("output: {" + repeat(maxStreams+1, "f%d: [x], ") + "}"), `t.yaml:3:29: spouts.s.output: 1001 streams are more than the limit of 1000`},
		{"argument", "name: t\nspouts:\n  s: {command: [a, " + strings.Repeat("x", maxTextBytes+1) + "]}\n", `t.yaml:3:20: spouts.s.command.1: 131072 bytes are more than the limit of 131071: pass the name of a file`},
		{"arguments", "name: t\nspouts:\n  s: {command: [" + repeat(maxArguments+1, "a%d, ") + "]}\n", `t.yaml:3:16: spouts.s.command: 1001 program and arguments are more than the limit of 1000`},
		{"environment", spout("env: {" + repeat(maxEnv+1, "A%d: x, ") + "}"), `t.yaml:3:26: spouts.s.env: 1001 environment variables are more than the limit of 1000`},
		{"conf", spout("config: {a: [" + repeat(20_000, "abcd%d, ") + "]}"), `t.yaml:3:21: spouts.s.config: more than 262144 bytes: keep data in a file of the bundle and name it here`},
		{"conf's keys", spout("config: {" + strings.Repeat("k", maxConfBytes) + ": 1}"), `t.yaml:3:21: spouts.s.config: more than 262144 bytes: keep data in a file of the bundle and name it here`},
		{"components", "name: t\nspouts:\n" + repeat(600, "  s%d: {command: [a], output: [x]}\n") + "bolts:\n" + repeat(401, "  b%d: {command: [a], inputs: [s0]}\n"), `t.yaml:1:7: 1001 components are more than the limit of 1000: split the topology`},
		{"text by aliases", "name: t\nspouts:\n  s: {command: [a], config: {a: &a " + strings.Repeat("x", 100_000) + ", b: [" + strings.Repeat("*a, ", 50) + "]}}\n", `t.yaml:3:33: the file holds more than 200000 values or 4194304 bytes, aliases expanded: use fewer`},
	} {
		_, err := Load("t.yaml", []byte(c.text))
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s:\n got %.300s\nwant %s", c.what, got, c.want)
		}
	}
}

// TestNames tests what may be a name.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"a": true, "Z9": true, "a-b_c": true, "no": true, strings.Repeat("a", 64): true,
		"9a": false, "_a": false, "__a": false, "-a": false, "a.b": false, "a b": false, "é": false, "a\n": false, strings.Repeat("a", 65): false,
	} {
		_, err := Load("t.yaml", fmt.Appendf(nil, "name: %q\nspouts:\n  s: {command: [a]}\n", name))
		if (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
