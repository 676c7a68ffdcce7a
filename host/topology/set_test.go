package topology

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const small = `name: small
spouts:
  lines:
    command: [python3, lines.py]
    output: [line]
bolts:
  split:
    command: [python3, split.py]
    inputs: [lines]
    output: [word]
    config:
`

// TestSet tests what options can change.
func TestSet(t *testing.T) {
	t.Parallel()
	top := mustLoad(t, small,
		Set("name", "other"),
		Set("config.workers", "1"),
		Set("config.workers", "4"), // the last one wins
		Set("spouts.lines.config.path", "x"),
		Set("spouts.lines.config.deep.er", "[1, {a: 2.5}]"),
		Set("spouts.lines.config.deep.er.1.a", "null"),
		Set("spouts.lines.config.empty", ""),
		Set("spouts.lines.config.blank", "  "),
		Set("spouts.lines.config.number", " 12 "),
		Set("spouts.lines.config.quoted", `"12"`),
		Set("spouts.lines.config.colour", "'#fff'"),
		Set(`spouts.lines.config.a\.b\\c`, "true"),
		Set("bolts.split.config.x", "1"), // the key is in the file with nothing below it
		Set("bolts.split.inputs.0", "{from: lines, group: all}"),
		Set("bolts.split.command.1", "other.py"),
		Set("bolts.split.tick", "1s"),
	)
	want := map[string]any{
		"path": "x", "deep": map[string]any{"er": []any{int64(1), map[string]any{"a": nil}}}, "empty": "", "blank": "",
		"number": int64(12), "quoted": "12", "colour": "#fff", `a.b\c`: true,
	}
	split := top.Component("split")
	for _, c := range []struct{ got, want any }{
		{top.Name, Name("other")},
		{top.Config.Workers, 4},
		{top.Component("lines").Conf, want},
		{split.Conf, map[string]any{"x": int64(1)}},
		{split.Inputs, []Input{{"lines", DefaultStream, Grouping{Kind: GroupAll}}}},
		{split.Command, []string{"python3", "other.py"}},
		{split.CommandPos, []Pos{{8, 15}, {}}},
		{split.Tick.String(), "1s"},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestSetProblems tests that the problems of an option name the option.
func TestSetProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, value, want string }{
		{"config.worker", "2", `--set config.worker=2: config: unknown key "worker", did you mean "workers"?`},
		{"config.workers", "two", `--set config.workers=two: config.workers: expected an integer, found the text "two"`},
		{"config.workers", "", `--set config.workers=: config.workers: expected an integer, found the text ""`},
		{"config.message_timeout", "30", `--set config.message_timeout=30: config.message_timeout: expected a duration such as 30s, 1m30s or 500ms, found the integer 30: it has no unit, write "30s"`},
		{"spouts.line.config.x", "1", `--set spouts.line.config.x=1: there is no component "line" among the spouts, did you mean "lines"?`},
		{"bolts.split.inputs.1", "lines", `--set bolts.split.inputs.1=lines: bolts.split.inputs is a list of 1: write a number below that, found "1"`},
		{"bolts.split.inputs.from", "lines", `--set bolts.split.inputs.from=lines: bolts.split.inputs is a list of 1: write a number below that, found "from"`},
		{"bolts.split.inputs.0.group", "all", `--set bolts.split.inputs.0.group=all: bolts.split.inputs.0 is the text "lines" in the file and has nothing below it: set all of bolts.split.inputs.0`},
		{"bolts.split.inputs.0", "line", `--set bolts.split.inputs.0=line: bolts.split.inputs.0: there is no component "line", did you mean "lines"?`},
		{"spouts..x", "1", `--set spouts..x=1: the path "spouts..x" has an empty part: write KEY.KEY…, and \. for a dot in a key`},
		{"", "1", `--set =1: the path "" has an empty part: write KEY.KEY…, and \. for a dot in a key`},
		{"name", "#fff", `--set name=#fff: the value has a "#", which begins a comment in YAML: put it in quotes`},
		{"name", "x #y", `--set name=x #y: the value has a "#", which begins a comment in YAML: put it in quotes`},
		{"name", "a: b", `--set name=a: b: a list or map is written in brackets or braces here, and a text that looks like one in quotes`},
		{"name", "- b", `--set name=- b: a list or map is written in brackets or braces here, and a text that looks like one in quotes`},
		{"name", "@x", `--set name=@x: YAML: found character that cannot start any token: put the value that begins with '@' in quotes`},
		{"name", "[1", `--set name=[1: YAML: did not find expected ',' or ']' (while parsing a flow sequence, begun in line 1)`},
		{"name", "a\n---\nb", `--set name="a\n---\nb": a second document begins here: a file holds one topology, remove "---" and what follows`},
		{"spouts", "{a: {command: [x]}, a: {command: [y]}}", `--set spouts={a: {command: [x]}, a: {command: [y]}}: the key "a" stands twice: keep one`},
		{"bolts", "{lines: {command: [x], inputs: [lines]}}", `--set bolts={lines: {command: [x], inputs: [lines]}}: bolts.lines: the id is taken by the spout in line 3: ids are unique in a topology`},
		{"config.x", "*a", `--set config.x=*a: YAML: unknown anchor 'a' referenced: define it above with &, or put a text that begins with * in quotes`},
	} {
		top, err := Load("t.yaml", []byte(small), Set(c.path, c.value))
		if err == nil {
			t.Errorf("--set %s=%s gave %v", c.path, c.value, top)
		} else if err.Error() != c.want {
			t.Errorf("--set %s=%s:\n got %s\nwant %s", c.path, c.value, err, c.want)
		}
	}
}

// TestSetOnList tests that options do not hide that a file is no topology at all.
func TestSetOnList(t *testing.T) {
	t.Parallel()
	_, err := Load("t.yaml", []byte("[1]"), Set("name", "x"))
	if want := "t.yaml:1:1: expected a map with name and spouts, found a list"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
