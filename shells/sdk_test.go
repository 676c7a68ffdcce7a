package shells

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is embedded is what pip and npm would publish: all files of the packages but
// tests, caches, and what only developers need.
func TestEmbeddedFilesAreThoseOnDisk(t *testing.T) {
	t.Parallel()
	var want []string
	for _, root := range []string{"python/boot", "python/classic", "python/src/polybolt", "node"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				switch entry.Name() {
				case "__pycache__", "node_modules", "test", "bench", ".cache":
					return fs.SkipDir
				}
				return nil
			}
			switch filepath.Ext(path) {
			case ".py", ".typed", ".js", ".mjs", ".cjs", ".ts":
				want = append(want, path)
			}
			if path == "node/package.json" {
				want = append(want, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := fs.WalkDir(embedded, ".", func(path string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			got = append(got, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("on disk (-) and embedded (+) differ; see the go:embed lines of sdk.go:\n%s", diff)
	}
}

func TestOpenSDKUnpacksOnce(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state of mine")
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() {
			s, err := OpenSDK(state)
			if err != nil {
				t.Error(err)
			} else if err := intact(s.dir, sdkFiles()); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	entries, err := os.ReadDir(filepath.Join(state, "sdk"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	s, err := OpenSDK(state)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSDK(state); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(s.dir); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was unpacked again: %v", err)
	}
	for _, path := range []string{"boot/sitecustomize.py", "src/polybolt/__init__.py"} {
		if _, err := os.Stat(filepath.Join(s.Dir("python"), "..", path)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.Dir("node"), "polybolt", "preload.js")); err != nil {
		t.Error(err)
	}
	if s.Dir("perl") != "" {
		t.Error("an SDK for perl?")
	}
}

func TestOpenSDKMendsADamagedOne(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	s, err := OpenSDK(state)
	if err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(s.dir, "node", "polybolt", "preload.js")
	for _, damage := range []func() error{
		func() error { return os.Remove(victim) },
		func() error { return os.WriteFile(victim, []byte("evil()"), 0o644) },
		func() error { return errors.Join(os.RemoveAll(s.dir), os.WriteFile(s.dir, nil, 0o644)) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenSDK(state); err != nil {
			t.Fatal(err)
		}
		if err := intact(s.dir, sdkFiles()); err != nil {
			t.Error(err)
		}
	}
	if entries, _ := os.ReadDir(filepath.Dir(s.dir)); len(entries) != 1 {
		t.Errorf("mending left %v", entries)
	}
}

func TestOpenSDKSaysWhyNot(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "file"), "", 0o644)
	for state, want := range map[string]string{"/a:b": "POLYBOLT_HOME", `/a\b`: "POLYBOLT_HOME", file: "unpack the SDKs"} {
		if _, err := OpenSDK(state); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// The embedded SDKs, unpacked, are found by components of all kinds, take stdout
// over before user code prints, and speak first.
func TestRealComponentsSpeakFirst(t *testing.T) {
	t.Parallel()
	sdk, err := OpenSDK(filepath.Join(t.TempDir(), "state of mine"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		file, text, says string
		command          []string
	}{
		{"b.py", "print('noise')\nfrom polybolt import bolt\n@bolt\ndef b(line):\n    yield line\nb.run()\n", "polybolt-python", []string{"python3", "b.py"}},
		{"m.py", "print('noise')\nfrom polybolt import Bolt\nclass B(Bolt): pass\nB.run()\n", "polybolt-python", []string{"sh", "-c", "python3 -m m"}},
		{"b.js", "console.log('noise'); require('polybolt').bolt(function* () {}).run()\n", "polybolt-node", []string{"node", "b.js"}},
		{"b.mjs", "import {Bolt} from 'polybolt'; process.stdout.write('noise\\n'); new (class extends Bolt {})().run()\n", "polybolt-node", []string{"node", "b.mjs"}},
	} {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			var p probe
			spec := p.spec(t, test.command...)
			spec.SDK = sdk
			write(t, filepath.Join(spec.Dir, test.file), test.text, 0o644)
			c := start(t, spec)
			c.CloseInput()
			waitFor(t, c.Done(), "the exit")
			if out := p.out.String(); !strings.HasPrefix(out, "\xf5PBOLT1\n\x00\x00") || !strings.Contains(out, test.says) {
				t.Errorf("stdout %q\n%s", out, p.exit.Report())
			}
			if !slices.Equal(p.lines, []string{"noise"}) {
				t.Errorf("stderr %q", p.lines)
			}
			if entries, _ := os.ReadDir(spec.Dir); len(entries) != 1 {
				t.Errorf("the bundle now holds %v", entries)
			}
		})
	}
}

func TestDigestTellsFilesApart(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, files := range []map[string][]byte{
		{}, {"a": nil}, {"a": []byte("b")}, {"ab": nil}, {"a": nil, "b": nil}, {"b": []byte("a")},
		{"a": bytes.Repeat([]byte{0}, 8)},
	} {
		d := digest(files)
		if seen[d] || d != digest(files) {
			t.Errorf("%v has the digest of another, or two", files)
		}
		seen[d] = true
	}
}
