package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/tools/program"
)

// Scenarios of the topology's file.

func TestD55_CommandsAreTakenVerbatim(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		x := newTrial(t, l, fmt.Sprintf(`
spouts:
  source:
    command: [{source}, source]
    config: {n: 1}
    output: [id]
bolts:
  work:
    command: [my interpreter, "a name with spaces%s", work, "", " ", "a b", "$HOME", "*", '"', "'", "-x"]
    env: {PLAIN: "b c", EMPTY: "", LINES: "1\n2", PATH: "tools and more:/usr/bin:/bin"}
    inputs: [source]
`, l.extension))
		script, err := os.ReadFile(filepath.Join("testdata", "told"+l.extension))
		if err != nil {
			t.Fatal(err)
		}
		x.write("a name with spaces"+l.extension, string(script))
		// PATH is where the command is looked for, and its relative entries count from the bundle.
		if err := os.Mkdir(filepath.Join(x.dir, "tools and more"), 0o755); err != nil {
			t.Fatal(err)
		}
		program, err := exec.Command(l.program, l.itself...).Output()
		if err != nil {
			t.Fatal(err)
		}
		x.write("tools and more/my interpreter", fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", bytes.TrimSpace(program)))
		if err := os.Chmod(filepath.Join(x.dir, "tools and more/my interpreter"), 0o755); err != nil {
			t.Fatal(err)
		}
		folder, err := filepath.EvalSymlinks(x.dir)
		if err != nil {
			t.Fatal(err)
		}
		x.run()
		want := []string{
			`["work",""," ","a b","$HOME","*","\"","'","-x"]`,
			`["b c","","1\n2","tools and more:/usr/bin:/bin"]`,
			folder,
		}
		if got := x.lines("told"); !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// A diamond, a cycle, many streams and components with configurations of their
// own, in one topology: every tuple takes every way.
func TestD57_DiamondsCyclesAndStreams(t *testing.T) {
	bothLanguages(t, func(t *testing.T, l language) {
		var streams, inputs []string
		for i := range 20 {
			streams = append(streams, fmt.Sprintf("s%d: [id, way]", i))
			inputs = append(inputs, fmt.Sprintf("{from: fork, stream: s%d, group: {fields: [id]}}", i))
		}
		x := newTrial(t, l, fmt.Sprintf(`
spouts:
  source:
    command: [{source}, source]
    config: {n: 500}
    output: [id]
bolts:
  fork:
    command: [{ways}, fork, fork]
    config: {streams: 20, nested: {a: [1, {b: null}], "1": x}}
    inputs: [source]
    output: {%s}
  left:
    command: [{ways}, left, pass]
    config: {name: left}
    inputs: [%s, {from: again}]
    output: {default: [id, way], round: [id, way]}
  right:
    command: [{ways}, right, pass]
    config: {name: right}
    parallelism: 2
    inputs: [%s]
    output: {default: [id, way], round: [id, way]}
  again:
    command: [{ways}, again, again]
    inputs: [{from: left, stream: round}]
    output: [id, way]
  sink:
    command: [python3, notes.py, sink]
    inputs: [left, right]
`, strings.Join(streams, ", "), strings.Join(inputs[:10], ", "), strings.Join(inputs[10:], ", ")))
		p := x.run()
		rows := map[string]int{}
		for _, line := range x.lines("arrived") {
			rows[line]++
		}
		want := map[string]bool{}
		for id := range 500 {
			for i := range 20 {
				name := "left"
				if i >= 10 {
					name = "right"
				}
				want[fmt.Sprintf("%d 's%d %s'", id, i, name)] = true
			}
			want[fmt.Sprintf("%d 's0 left again left'", id)] = true // once round the cycle
		}
		for row := range want { // more often than once if the cycle was full, and a tuple replayed
			if rows[row] == 0 {
				t.Errorf("%q has not arrived", row)
			}
			delete(rows, row)
		}
		for row := range rows {
			t.Errorf("%q has arrived", row)
		}
		if t.Failed() {
			t.Log(p.out(), program.Ends(p.err()))
		}
		x.lived("source", "fork", "left", "again", "sink")
	})
}

// mistaken is a topology with ten mistakes, each of another kind. Its scripts are there.
const mistaken = `name: ten mistakes
config:
  message_timeout: 30
  max_pendign: 100
spouts:
  source:
    command: python3 source.py
    output: [id, id]
bolts:
  split:
    command: [python3, split.py]
    paralelism: 2
    inputs: [sauce]
    output: [word]
  count:
    command: [python3, count.py]
    inputs:
      - {from: split, stream: words}
      - {from: split, group: {fields: [wrod]}}
    tick: soon
`

func TestD57_TenMistakesTenErrors(t *testing.T) {
	t.Parallel()
	x := &trial{t, t.TempDir()}
	x.write("topology.yaml", mistaken)
	x.write("split.py", "")
	x.write("count.py", "")
	for _, command := range []string{"validate", "run"} {
		p := start(t, x.dir, command)
		p.exits(2)
		var at []string
		for _, line := range strings.Split(strings.TrimSpace(p.err()), "\n") {
			if m := position.FindStringSubmatch(line); m != nil {
				at = append(at, m[1])
			}
		}
		want := []string{"1:7", "3:20", "4:3", "7:14", "8:18", "12:5", "13:14", "18:31", "19:40", "20:11"}
		if !slices.Equal(at, want) {
			t.Errorf("%s finds problems at %v, want them at %v:\n%s", command, at, want, p.err())
		}
		p.says(`did you mean "max_pending"?`, `did you mean "parallelism"?`, `did you mean "source"?`, `"default"`, `did you mean "word"?`, `write "30s"`, `[python3, source.py]`)
	}
}

// position is where an error of a topology stands: PATH:LINE:COL: message.
var position = regexp.MustCompile(`^topology\.yaml:(\d+:\d+): \S`)

// What is missing on the disk is found, too, and before anything runs.
func TestD57_MissingFilesAreFound(t *testing.T) {
	t.Parallel()
	x := newTrial(t, python, fmt.Sprintf(chain, 1, "python3, wrok.py", ""))
	p := start(t, x.dir, "validate")
	p.exits(2)
	p.says("topology.yaml:", "wrok.py")
}

func TestD57_EveryExampleIsValid(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"examples-python", "examples-js"} {
		dirs, err := filepath.Glob(filepath.Join("..", "..", pattern, "*", "topology.yaml"))
		if err != nil || len(dirs) < 6 {
			t.Fatalf("%d examples (%v)", len(dirs), err)
		}
		for _, file := range dirs {
			t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
				t.Parallel()
				start(t, filepath.Dir(file), "validate").exits(0)
			})
		}
	}
}
