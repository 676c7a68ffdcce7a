package flux

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/topology"
)

// whole is a file with everything that leads somewhere.
const whole = `---
name: "${name}"   # ${not} read
config:
  topology.workers: 2
  topology.message.timeout.secs: 20
  topology.max.spout.pending: 100
  topology.subprocess.timeout.secs: 7
  topology.environment: {A: 1, B: b}
  my.own: [1, x]
includes:
  - {resource: true, file: "/common.yaml"}
components:
  - id: words
    className: java.util.ArrayList
    constructorArgs: [["word"]]
  - id: first
    className: java.lang.String
    constructorArgs: ["python3"]
  - id: second
    className: java.lang.String
    constructorArgs: ["split.py"]
spouts:
  - id: sentence-spout
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs:
      - [node, randomsentence.js]
      - [line]
    configMethods:
      - {name: setNamedStream, args: [other, [a, b]]}
  - {id: words, className: org.apache.storm.testing.TestWordSpout}
bolts:
  - id: split
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [{reflist: [first, second]}]
    configMethods:
      - {name: setDefaultStream, args: [{ref: words}]}
      - {name: addComponentConfig, args: [mine, [1]]}
      - {name: addComponentConfig, args: [mine, [2]]}
      - {name: setEnv, args: [{B: "${ENV-B}", C: c}]}
    parallelism: ${par}
    numTasks: 4
    config: {topology.tick.tuple.freq.secs: 5, "own": ${list[1]}}
  - {id: count, className: org.apache.storm.testing.TestWordCounter, cpuLoad: 10}
streams:
  - {from: sentence-spout, to: split, grouping: {type: LOCAL_OR_SHUFFLE}}
  - {from: sentence-spout, to: split, grouping: {type: ALL, streamId: other}}
  - {name: x, from: split, to: count, grouping: {type: FIELDS, args: [word]}}
  - {from: words, to: count, grouping: {type: CUSTOM, customClass: {className: org.apache.storm.grouping.PartialKeyGrouping}}}
  - {from: count, to: log, grouping: {type: GLOBAL}}
`

const common = `
name: unused
config: {topology.workers: 9, topology.debug: true}
bolts:
  - {id: log, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt}
`

const native = `name: word count
config:
  workers: 2
  message_timeout: 20s
  max_pending: 100
  heartbeat_timeout: 7s
  process_timeout: 7s
spouts:
  sentence-spout:
    command: [node, randomsentence.js]
    output:
      default: [line]
      other: [a, b]
    protocol: storm-json
    env:
      A: "1"
      B: b
    config:
      my.own: [1, x]
      topology.debug: true
`

func load(t *testing.T, text string, o Options) (*Result, error) {
	t.Helper()
	dir := fstest.MapFS{"common.yaml": {Data: []byte(common)}, "resources/deep.yaml": {Data: []byte("bolts: [{id: b, className: x.Y}]\n")}}
	r, ok, err := Load("f.yaml", []byte(text), fs.FS(dir), o)
	if !ok {
		t.Fatalf("not taken for Flux: %v", err)
	}
	return r, err
}

func TestWholeFileBecomesNative(t *testing.T) {
	t.Parallel()
	o := Options{Values: ReadProperties([]byte("name=wordcount\npar: 2\nlist = [\"a\", \"b\"]\n")), Environ: map[string]string{"B": "over"}}
	r, err := load(t, whole, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := topology.Marshal(r.Topology)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		strings.TrimPrefix(native, "name: word count\n"),
		"  words:\n    command: [python3, -m, polybolt.compat.flux, TestWordSpout]\n    output: [word]\n",
		"  split:\n    command: [python3, split.py]\n    inputs:\n      - {from: sentence-spout, group: local-or-shuffle}\n      - {from: sentence-spout, stream: other, group: all}\n    output: [word]\n    parallelism: 4\n    tick: 5s\n",
		"      B: over\n      C: c\n", "      mine: [2]\n", "      own: b\n",
		"      - {from: split, group: {fields: [word]}}\n      - {from: words, group: {partial-key: [word]}}\n",
		"    inputs:\n      - {from: count, group: global}\n",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	again, err := topology.Load("native.yaml", got)
	if err != nil {
		t.Fatalf("the native form does not load: %v", err)
	}
	if text, err := topology.Marshal(again); err != nil || !cmp.Equal(text, got) {
		t.Errorf("the native form is not stable: %v\n%s", err, text)
	}
	var notes []string
	for _, n := range r.Notes {
		notes = append(notes, n.Error())
	}
	want := []string{
		"common.yaml:3:31: topology.debug has no counterpart here: components see it in their conf, nothing else reads it",
		`f.yaml:43:70: cpuLoad of "count": the scheduler asks for no loads`,
	}
	if !cmp.Equal(notes, want) {
		t.Error(cmp.Diff(want, notes))
	}
}

const over = `
name: other
config: {topology.workers: 9, mine: 2}
components:
  - {id: python, className: java.lang.String, constructorArgs: [python3]}
  - {id: nobody, className: org.apache.storm.kafka.SpoutConfig, constructorArgs: [{ref: hosts}]}
bolts:
  - {id: b, className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt, constructorArgs: [{reflist: [python, script]}, [word]], parallelism: 3}
  - {id: log, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt}
streams:
  - {from: s, to: log, grouping: {type: ALL}}
`

// What an included file says stands behind what the file itself says, or before it; streams are added to each other.
func TestIncludesOverrideOrNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		override string
		want     []string
		notes    int
	}{
		{"", []string{"name: t\n", "  workers: 2\n", "command: [python2, b.py]\n", "mine: 1\n", "parallelism: 2\n"}, 2},
		{", override: false", []string{"name: t\n", "  workers: 2\n", "command: [python2, b.py]\n", "mine: 1\n", "parallelism: 2\n"}, 2},
		{", override: true", []string{"name: other\n", "  workers: 9\n", "command: [python3, b.py]\n", "mine: 2\n", "parallelism: 3\n"}, 0},
	} {
		text := `name: t
config: {topology.workers: 2, mine: 1}
includes: [{file: over.yaml` + c.override + `}]
components:
  - {id: python, className: java.lang.String, constructorArgs: [python2]}
  - {id: script, className: java.lang.String, constructorArgs: [b.py]}
spouts:
  - {id: s, className: org.apache.storm.testing.TestWordSpout}
bolts:
  - {id: b, className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt, constructorArgs: [{reflist: [python, script]}, [word]], parallelism: 2}
streams:
  - {from: s, to: b, grouping: {type: SHUFFLE}}
`
		r, _, err := Load("f.yaml", []byte(text), fstest.MapFS{"over.yaml": {Data: []byte(over)}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := topology.Marshal(r.Topology)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range append(c.want, "    inputs: [s]\n", "      - {from: s, group: all}\n") {
			if !strings.Contains(string(got), want) {
				t.Errorf("%s: no %q in\n%s", c.override, want, got)
			}
		}
		if len(r.Notes) != c.notes {
			t.Errorf("%s: notes %v", c.override, r.Notes)
		}
	}
}

// shell is a good file in which one thing is spoilt.
const shell = `name: t
spouts:
  - id: s
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs: [[node, s.js], [line]]
bolts:
  - id: b
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[python3, b.py], [word]]
streams:
  - {from: s, to: b, grouping: {type: SHUFFLE}}
`

func TestBrokenFilesHaveTheirErrorAtItsLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"to: b", "to: c", `f.yaml:11:19: there is no bolt "c"`},
		{"to: b", "to: s", `f.yaml:11:19: "s" is a spout, to which no stream can lead: name a bolt`},
		{"streams:\n  - {from: s, to: b, grouping: {type: SHUFFLE}}", "streams: {s: b}", "f.yaml:10:10: expected a list for streams"},
		{"name: t\n", "name: t\nconfig: {mine: 123456789012345678901}\n", "f.yaml:2:16: config.mine: 123456789012345678901 does not fit 64 bits"},
		{"name: t\n", "name: t\nconfig: {topology.enable.message.timeouts: no}\n", "f.yaml:2:10: topology.enable.message.timeouts: false has no counterpart"},
		{"from: s", "from: q", `f.yaml:11:12: there is no component "q"`},
		{"SHUFFLE", "shuffle", `f.yaml:11:32: there is no grouping type "shuffle", did you mean SHUFFLE? There are ALL, CUSTOM`},
		{"SHUFFLE", "ROUND_ROBIN", `f.yaml:11:32: there is no grouping type "ROUND_ROBIN": there are ALL, CUSTOM`},
		{"  - {from: s, to: b, grouping: {type: SHUFFLE}}\n", "  - {from: s, to: b, grouping: {type: SHUFFLE}}\n  - {from: s, to: b, grouping: {type: ALL}}\n", `f.yaml:12:5: bolts.b.inputs.1: the stream "default" of "s" is read already`},
		{"{type: SHUFFLE}", "{type: FIELDS}", "f.yaml:11:32: FIELDS groups by fields, and there are none"},
		{"{type: SHUFFLE}", "{type: FIELDS, args: [lines]}", `f.yaml:11:54: bolts.b.inputs.0.group.fields.0: the stream "default" of "s" has no field "lines", did you mean "line"?`},
		{"{type: SHUFFLE}", "{type: SHUFFLE, streamId: x}", `f.yaml:11:58: bolts.b.inputs.0.stream: "s" has no stream "x"`},
		{"streams:\n  - {from: s, to: b, grouping: {type: SHUFFLE}}", "streams: []", `f.yaml:7:9: no stream leads to the bolt "b"`},
		{"[python3, b.py], [word]", "[python3, b.py], [word], 3", `f.yaml:9:22: "b": the constructor takes the command`},
		{"org.apache.storm.flux.wrappers.bolts.FluxShellBolt", "org.apache.storm.kafka.KafkaBolt", `f.yaml:8:16: "b" is the Java class org.apache.storm.kafka.KafkaBolt, and there is no JVM here`},
		{"wrappers.spouts.FluxShellSpout", "wrappers.bolts.FluxShellBolt", "f.yaml:4:16: FluxShellBolt does not belong among the spouts"},
		{"    constructorArgs: [[python3", "    configMethods: [{name: addComponentConfig, args: [a, b, c]}]\n    constructorArgs: [[python3", "f.yaml:9:21: addComponentConfig takes 2 arguments, found 3"},
		{"    constructorArgs: [[python3", "    configMethods: [{name: setDefaultStreams, args: [[a]]}]\n    constructorArgs: [[python3", `f.yaml:9:21: a shell component has no method "setDefaultStreams", did you mean "setDefaultStream"?`},
		{"- id: b\n", "- id: s\n", `f.yaml:7:9: the id "s" is taken by what stands in line 3`},
		{"name: t\n", "name: t\ncomponents: [{id: x, className: a.B}, {id: x, className: a.C}]\n", `f.yaml:2:44: the id "x" is taken by what stands in line 2`},
		{"name: t\n", "name: t\ncomponents: [{className: a.B}]\n", "f.yaml:2:14: a component without an id"},
		{"name: t\n", "name: t\ntopologySource: {className: a.B}\n", "f.yaml:2:17: topologySource names a Java class that builds the topology (a.B)"},
		{"name: t\n", "name: t\nstream: []\n", `f.yaml:2:1: unknown key "stream" in a topology, did you mean "streams"?`},
		{"name: t\n", "name: ${x}\n", "f.yaml:1:7: ${x} has no value: give --filter FILE.properties or --define x=VALUE"},
		{"name: t\n", "name: ${ENV-x}\n", "f.yaml:1:7: ${ENV-x} asks for the environment variable x: allow it with --env-filter"},
		{"name: t\n", "name: t\nincludes: [{file: none.yaml}]\n", `f.yaml:2:19: the included file "none.yaml" is neither in the bundle nor in its folder resources`},
		{"name: t\n", "name: t\nincludes: [{file: dep.yaml}]\n", `f.yaml:2:19: the included file "dep.yaml" is neither in the bundle nor in its folder resources, did you mean "deep.yaml"?`},
		{"name: t\n", "name: t\nincludes: [{file: deep.yaml, override: perhaps}]\n", `f.yaml:2:40: expected true or false for override, found "perhaps"`},
		{"name: t\n", "name: t\nincludes: [{file: ../up.yaml}]\n", `f.yaml:2:19: the included file "../up.yaml" lies outside the bundle`},
		{"name: t\n", "name: t\nincludes: [{file: deep.yaml, override: true}]\n", `deep.yaml:1:28: "b" is the Java class x.Y, and there is no JVM here`},
		{"name: t\n", "name: t\nconfig: {topology.message.timeout.secs: soon}\n", `f.yaml:2:41: topology.message.timeout.secs is a number of seconds above 0, found "soon"`},
		{"[[node, s.js], [line]]", "[{ref: cmd}, [line]]", `f.yaml:5:29: there is no component "cmd" in components`},
		{"name: t\n", "name: 1t\n", `f.yaml:1:7: name: "1t" is not a name`},
	} {
		t.Run(c.new, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(shell, c.old, c.new, 1)
			_, err := load(t, text, Options{})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var list topology.Errors
			if !errors.As(err, &list) || len(list) == 0 {
				t.Fatalf("got %v", err)
			}
			if got := list[0].Error(); !strings.HasPrefix(got, c.want) || len(list) > 1 && !strings.Contains(c.want, "is taken by") { // what follows from a mistake is not told, unless its id is another's
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// What is wrong with a component is told together, even if its command is not known.
func TestMistakesOfOneComponentComeTogether(t *testing.T) {
	t.Parallel()
	text := strings.Replace(shell, "constructorArgs: [[python3, b.py], [word]]", `constructorArgs: [{ref: none}]
    configMethods:
      - {name: setNamedStream, args: [errors]}
      - {name: setDefaultStrem, args: [[word]]}
      - {name: setEnv, args: [nope]}
    numTasks: many`, 1)
	_, err := load(t, text, Options{})
	if got, want := positions(err), "9:29 11:9 12:9 13:31 14:15"; got != want {
		t.Errorf("mistakes at %v, and not %s: %v", got, want, err)
	}
}

// positions lists where the problems of an error stand, as line:column.
func positions(err error) string {
	var all []string
	var list topology.Errors
	errors.As(err, &list)
	for _, e := range list {
		all = append(all, fmt.Sprintf("%d:%d", e.Pos.Line, e.Pos.Col))
	}
	return strings.Join(all, " ")
}

// Flux reads YAML 1.1: what is a truth value or a number there is one here.
func TestSettingsAreReadAsYAML11(t *testing.T) {
	t.Parallel()
	text := strings.Replace(shell, "name: t\n", `name: t
config: {a: yes, b: Off, c: "no", d: yEs, e: 0777, f: -1_000, g: 0x_1F, h: 0b11, i: [on, {n: NO}], k: 0}
`, 1)
	text = strings.Replace(text, "[word]]\n", "[word]]\n    config: {l: yes}\n    configMethods: [{name: addComponentConfig, args: [m, [no]]}]\n", 1)
	r, err := load(t, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, want := r.Topology.Components, map[string]any{"a": true, "b": false, "c": "no", "d": "yEs", "e": int64(511), "f": int64(-1000), "g": int64(31), "h": int64(3),
		"i": []any{true, map[string]any{"n": false}}, "k": int64(0), "l": true, "m": []any{false}}
	for _, c := range got {
		if c.ID == "b" && !cmp.Equal(c.Conf, want) {
			t.Error(cmp.Diff(want, c.Conf))
		}
	}
}

// Mistakes of Flux's form and of the topology that it describes come together.
func TestAllMistakesComeTogether(t *testing.T) {
	t.Parallel()
	_, err := load(t, `name: b
spouts:
  - id: gone
    className: com.example.MySpout
  - id: t
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs: [["python3", "w.py"], ["word"]]
    paralelism: 2
bolts:
  - id: l
    className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt
  - id: m
    className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt
  - id: n
    className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt
streams:
  - {from: t, to: l, grouping: {type: FIELDS, args: [zz]}}
  - {from: t, to: m, grouping: {type: CUSTOM, customClass: {className: com.X}}}
  - {from: gone, to: n, grouping: {type: SHUFFLE, streamId: x}}
`, Options{})
	if got, want := positions(err), "4:16 8:5 17:54 18:60"; got != want {
		t.Errorf("mistakes at %v, and not %s: %v", got, want, err)
	}
}

func TestNativeFilesAreNotFlux(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"name: a\nspouts: {s: {command: [x]}}\n", "", "- 1\n", "a: [\n"} {
		if _, ok, _ := Load("f.yaml", []byte(text), nil, Options{}); ok {
			t.Errorf("%q was taken for Flux", text)
		}
	}
}

func TestProperties(t *testing.T) {
	t.Parallel()
	got := ReadProperties([]byte("# c\n! c\n a = b c \nk\\ y:v\\u0041\\n\nlong=x,\\\n   y\nempty\nq==\nlast=\\"))
	want := map[string]string{"a": "b c ", "k y": "vA\n", "long": "x,y", "empty": "", "q": "=", "last": ""}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

// Each of several placeholders in a line has its own place.
func TestPlaceholdersHaveTheirPlaces(t *testing.T) {
	_, err := load(t, strings.Replace(shell, "name: t\n", "name: é${x}-${y}-${x}\n", 1), Options{Values: map[string]string{"y": "a longer text"}})
	want := strings.ReplaceAll("f.yaml:1:8:WHY\nf.yaml:1:18:WHY", "WHY", " ${x} has no value: give --filter FILE.properties or --define x=VALUE")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// FuzzLoad: whatever a file holds, reading it ends, and a topology that it
// gives can be written in the native form and read again.
func FuzzLoad(f *testing.F) {
	f.Add(whole)
	f.Add(shell)
	f.Add(common)
	f.Fuzz(func(t *testing.T, text string) {
		dir := fstest.MapFS{"common.yaml": {Data: []byte(common)}}
		r, _, err := Load("f.yaml", []byte(text), dir, Options{Values: map[string]string{"name": "n", "par": "2", "list": "[a,b]"}, Environ: map[string]string{}})
		if err != nil || r == nil {
			return
		}
		data, err := topology.Marshal(r.Topology)
		if err == nil {
			_, err = topology.Load("g.yaml", data)
		}
		if err != nil {
			t.Error(fmt.Errorf("%w\n%s", err, data))
		}
	})
}
