package topology

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// golden compares got with a file of testdata, or writes it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant, run go test -update\n%s", path, diff)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// mustLoad loads a topology that is known to be valid.
func mustLoad(t *testing.T, text string, opts ...Option) *Topology {
	t.Helper()
	top, err := Load("t.yaml", []byte(text), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// TestLoadProblems tests the messages of every invalid example.
func TestLoadProblems(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"text", "structure", "meaning"} {
		var got strings.Builder
		for _, file := range yamlFiles(t, dir) {
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			top, err := Load(name, readFile(t, file))
			if top != nil || err == nil {
				t.Errorf("%s was taken for valid", file)
				continue
			}
			var one Error
			if all := (Errors{}); !errors.As(err, &all) || !errors.As(err, &one) || one != all[0] {
				t.Errorf("%s: the error is a %T without its parts", file, err)
			}
			got.WriteString(err.Error() + "\n\n")
		}
		golden(t, dir+".golden", got.String())
	}
}

// TestTenMistakes tests that ten mistakes give ten errors, each at its place, none of them a consequence of another.
func TestTenMistakes(t *testing.T) {
	t.Parallel()
	_, err := Load("t.yaml", readFile(t, "testdata/structure/ten-mistakes.yaml"))
	var all Errors
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var at []Pos
	for _, e := range all {
		at = append(at, e.Pos)
	}
	want := []Pos{{3, 20}, {4, 3}, {7, 5}, {8, 13}, {11, 14}, {12, 18}, {18, 16}, {19, 5}, {24, 31}, {25, 40}}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Error(diff)
	}
}

// TestLoadDesign tests the example of the design, value by value.
func TestLoadDesign(t *testing.T) {
	t.Parallel()
	got, err := Load("word-count.yaml", readFile(t, "testdata/valid/word-count.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	timeouts := Timeouts{Startup: time.Minute, Heartbeat: 30 * time.Second}
	want := &Topology{
		Name: "word-count", Config: DefaultConfig(), File: "word-count.yaml",
		Components: []*Component{
			{
				ID: "lines", Kind: Spout, Command: []string{"python3", "lines.py"}, CommandPos: []Pos{{9, 15}, {9, 24}}, Parallelism: 1,
				Outputs: []Stream{{DefaultStream, []string{"line"}}}, Conf: map[string]any{"path": "book.txt"}, Env: map[string]string{"LANG": "C.UTF-8"},
				Retries: DefaultRetries, Timeouts: timeouts, Pos: Pos{8, 3},
			},
			{
				ID: "split", Kind: Bolt, Command: []string{"python3", "split.py"}, CommandPos: []Pos{{15, 15}, {15, 24}}, Parallelism: 2,
				Outputs: []Stream{{DefaultStream, []string{"word"}}}, Inputs: []Input{{"lines", DefaultStream, Grouping{}}},
				Concurrency: 1, Timeouts: timeouts, Pos: Pos{14, 3},
			},
			{
				ID: "count", Kind: Bolt, Command: []string{"node", "count.mjs"}, CommandPos: []Pos{{20, 15}, {20, 21}}, Parallelism: 1,
				Outputs: []Stream{{DefaultStream, []string{"word", "count"}}},
				Inputs:  []Input{{"split", DefaultStream, Grouping{Kind: GroupFields, Fields: []string{"word"}}}},
				Tick:    time.Second, Concurrency: 1, Timeouts: timeouts, Pos: Pos{19, 3},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLoadEverything tests the keys that the design's example does not have.
func TestLoadEverything(t *testing.T) {
	t.Parallel()
	top, err := Load("t.yaml", readFile(t, "testdata/valid/everything.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	wantConfig := Config{
		Workers: 3, MessageTimeout: 90 * time.Second, MaxPending: 500, MaxMessageBytes: 4 << 20,
		Defaults: Timeouts{Startup: 5 * time.Second, Heartbeat: 1500 * time.Millisecond, Process: 10 * time.Minute},
	}
	fetch, store, seeds := top.Component("fetch"), top.Component("store"), top.Component("seeds")
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"config", top.Config, wantConfig},
		{"own timeouts win", fetch.Timeouts, Timeouts{Startup: 5 * time.Second, Heartbeat: 2 * time.Minute}},
		{"the topology's are the rest", store.Timeouts, wantConfig.Defaults},
		{"merged", [2]any{seeds.Retries, seeds.Timeouts.Startup}, [2]any{0, 90 * time.Second}},
		{"own keys win", [2]any{seeds.Parallelism, seeds.Outputs}, [2]any{2, []Stream{{DefaultStream, []string{"url"}}}}},
		{"merged places are those of the anchor", seeds.CommandPos[0], Pos{14, 15}},
		{"arguments verbatim", seeds.Command, []string{"python3", "-u", "crawl/urls.py", "", "a b"}},
		{"env", seeds.Env, map[string]string{"LANG": "C.UTF-8", "EMPTY": "", "PATH": "bin:/usr/bin"}},
		{"streams in order", top.Component("urls").Outputs, []Stream{{DefaultStream, []string{"url"}}, {"errors", []string{"url", "what went wrong"}}}},
		{"inputs", fetch.Inputs, []Input{
			{"urls", DefaultStream, Grouping{}},
			{"seeds", DefaultStream, Grouping{}},
			{"links", "more", Grouping{Kind: GroupFields, Fields: []string{"host"}}},
			{"fetch", "again", Grouping{Kind: GroupDirect}},
		}},
		{"concurrency", fetch.Concurrency, 8},
		{"batch", fetch.Batch, Batch{50, 20 * time.Millisecond}},
		{"batch without wait", store.Batch, Batch{1000, 0}},
		{"off", top.Component("words").Tick, time.Duration(0)},
		{"classic", [2]any{store.Protocol, store.Multilang}, [2]any{ProtocolStormJSON, "lib/storm"}},
		{"conf", top.Component("urls").Conf, map[string]any{
			"text": "no, this is text", "date": "2024-01-31", "int": int64(-9223372036854775808), "hex": int64(255), "oct": int64(15),
			"float": 1.0, "exp": 1000.0, "true": true, "nothing": nil, "bytes": []byte("hello"), "odd key: with\nline": int64(1),
			"nested": []any{int64(1), []any{2.5, map[string]any{"a": map[string]any{"b": []any{nil, "x"}}}}, map[string]any{}, []any{}},
		}},
		{"tasks", len(top.Tasks()), 10},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", c.what, diff)
		}
	}
}

// TestOrderOfComponents tests that spouts come first, each kind in the order of the file, and that task ids follow.
func TestOrderOfComponents(t *testing.T) {
	t.Parallel()
	top := mustLoad(t, "bolts:\n  b: {command: [b], inputs: [z], parallelism: 2}\n  a: {command: [a], inputs: [z]}\nspouts:\n  z: {command: [z], output: [x]}\n  y: {command: [y]}\nname: t\n")
	var got []string
	for _, task := range top.Tasks() {
		got = append(got, fmt.Sprintf("%d %s %d", task.ID, task.Component.ID, task.Index))
	}
	if diff := cmp.Diff([]string{"1 z 0", "2 y 0", "3 b 0", "4 b 1", "5 a 0"}, got); diff != "" {
		t.Error(diff)
	}
	if top.Component("nobody") != nil || top.Component("z").Output("nothing") != nil {
		t.Error("there is something that is not there")
	}
}

// TestLoadHuge tests the limit on the file's size.
func TestLoadHuge(t *testing.T) {
	t.Parallel()
	_, err := Load("big.yaml", make([]byte, maxFileBytes+1))
	if want := "big.yaml: the file has 1048577 bytes, the limit is 1048576: keep data in files of their own beside it"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestValid tests that the other valid examples load.
func TestValid(t *testing.T) {
	t.Parallel()
	for _, file := range yamlFiles(t, "valid") {
		if _, err := Load(file, readFile(t, file)); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	data := []byte(small)
	for b.Loop() {
		if _, err := Load("t.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
