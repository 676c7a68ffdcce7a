package blob

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write writes files with the given modes: contents by "MODE NAME", where a mode
// "link" makes a link to the contents.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for key, text := range files {
		mode, name, _ := strings.Cut(key, " ")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if mode == "link" {
			if err := os.Symlink(text, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		perm := map[string]fs.FileMode{"file": 0o644, "exec": 0o755}[mode]
		if err := os.WriteFile(path, []byte(text), perm); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, perm); err != nil { // whatever the umask says
			t.Fatal(err)
		}
	}
}

// list describes all that is in a folder.
func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			all["link "+name], err = os.Readlink(path)
			return err
		}
		mode := "file "
		if info.Mode()&0o100 != 0 {
			mode = "exec "
		}
		b, err := os.ReadFile(path)
		all[mode+name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func pack(t *testing.T, dir string) *Packed {
	t.Helper()
	p, err := Pack(dir, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// D54: executable bits, links, spaces in names and folders called like anything
// arrive as they were.
func TestD54ModesLinksAndNamesArePreserved(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"file topology.yaml": "name: t\n", "exec run me.sh": "#!/bin/sh\n", "file a b/c d.py": "x = 1\n", "file my*resources/data.txt": "y",
		"link latest": "a b", "link a b/up": "../topology.yaml", "file ünïcode/文.txt": "z", "file empty": "",
	}
	dir, out := t.TempDir(), t.TempDir()
	write(t, dir, files)
	if err := os.Mkdir(filepath.Join(dir, "nothing in it"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := pack(t, dir)
	if err := Extract(p.Data, out, DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	got := list(t, out)
	for key, want := range files {
		if text, there := got[key]; !there || text != want {
			t.Errorf("%s is %q, and not %q", key, text, want)
		}
	}
	if len(got) != len(files) || p.Files != len(files) {
		t.Errorf("%d files of %d, told of %d", len(got), len(files), p.Files)
	}
	if info, err := os.Stat(filepath.Join(out, "nothing in it")); err != nil || !info.IsDir() {
		t.Errorf("the empty folder: %v", err)
	}
}

// The same folder gives the same bytes, whenever and wherever it is packed.
func TestPackIsReproducible(t *testing.T) {
	t.Parallel()
	files := map[string]string{"file topology.yaml": "name: t\n", "exec b/x": "1", "file a": "2", "link l": "a"}
	one, two := t.TempDir(), t.TempDir()
	write(t, one, files)
	write(t, two, files)
	past := time.Unix(1_000_000, 0)
	if err := os.Chtimes(filepath.Join(two, "a"), past, past); err != nil {
		t.Fatal(err)
	}
	p, q := pack(t, one), pack(t, two)
	if p.Hash != q.Hash || p.Hash != HashOf(p.Data) {
		t.Errorf("%s, %s, %s", p.Hash, q.Hash, HashOf(p.Data))
	}
	write(t, two, map[string]string{"file a": "3"})
	if pack(t, two).Hash == p.Hash {
		t.Error("other contents have the same hash")
	}
}

// What is no code stays at home. D56: none of these needs to be there.
func TestIgnored(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{
		"file topology.yaml": "", "file .git/config": "", "file sub/.git/config": "", "file .venv/bin/python": "", "file a/__pycache__/x.pyc": "",
		"file big.csv": "", "file data/big.csv": "", "file data/keep.csv": "", "file logs/x": "", "file sub/logs/x": "", "file notes.txt": "", "file sub/notes.txt": "",
		"file " + IgnoreFile: "# what is no code\nbig.csv\nlogs/\n/notes.txt\n",
	})
	if err := Extract(pack(t, dir).Data, out, DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"file topology.yaml": true, "file data/keep.csv": true, "file sub/notes.txt": true}
	got := list(t, out)
	for name := range got {
		if !want[name] {
			t.Errorf("%s was packed", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("packed: %v", got)
	}
}

// D56: a folder with nothing but the topology is enough.
func TestD56NothingButTheTopology(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{"file topology.yaml": "name: t\n"})
	if err := Extract(pack(t, dir).Data, out, DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	if got := list(t, out); len(got) != 1 {
		t.Errorf("unpacked: %v", got)
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		limits  func(*Limits)
		want    []string
	}{
		"absolute-link": {prepare: func(t *testing.T, dir string) { write(t, dir, map[string]string{"link l": "/etc/passwd"}) }, want: []string{"l is a link to \"/etc/passwd\"", "put a copy in its place"}},
		"outward-link":  {prepare: func(t *testing.T, dir string) { write(t, dir, map[string]string{"link a/l": "../../x"}) }, want: []string{"a/l is a link", "does not lie in the folder"}},
		"sly-link":      {prepare: func(t *testing.T, dir string) { write(t, dir, map[string]string{"link l": "a/../../x"}) }, want: []string{"l is a link"}},
		"socket": {prepare: func(t *testing.T, dir string) {
			if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, want: []string{"pipe is neither a file nor a folder nor a link", IgnoreFile}},
		"too-many": {prepare: func(t *testing.T, dir string) {
			write(t, dir, map[string]string{"file a": "", "file b": "", "file c": ""})
		},
			limits: func(l *Limits) { l.Files = 2 }, want: []string{"more than 2 files"}},
		"bad-pattern":  {prepare: func(t *testing.T, dir string) { write(t, dir, map[string]string{"file " + IgnoreFile: "a\n[\n"}) }, want: []string{IgnoreFile + ":2", "syntax error in pattern"}},
		"not-negation": {prepare: func(t *testing.T, dir string) { write(t, dir, map[string]string{"file " + IgnoreFile: "!a\n"}) }, want: []string{IgnoreFile + ":1", "not supported"}},
		"stars":        {prepare: func(t *testing.T, dir string) { write(t, dir, map[string]string{"file " + IgnoreFile: "a/**/b\n"}) }, want: []string{"any depth"}},
		"ignore-file-is-a-link-outwards": {prepare: func(t *testing.T, dir string) {
			write(t, outside, map[string]string{"file rules": "x"})
			write(t, dir, map[string]string{"link " + IgnoreFile: filepath.Join(outside, "rules")})
		}, want: []string{IgnoreFile}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, limits := t.TempDir(), DefaultLimits()
			c.prepare(t, dir)
			if c.limits != nil {
				c.limits(&limits)
			}
			_, err := Pack(dir, limits)
			if err == nil {
				t.Fatal("it was packed")
			}
			for _, want := range append(c.want, dir) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}

// 17 MiB that cannot be compressed: the message names the largest files.
func TestPackTooLarge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noise := make([]byte, 17<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	write(t, dir, map[string]string{"file model/weights.bin": string(noise), "file small.py": "x", "file topology.yaml": "name: t\n"})
	_, err := Pack(dir, DefaultLimits())
	if err == nil {
		t.Fatal("it was packed")
	}
	for _, want := range []string{"17 MiB packed", "the limit is 16 MiB", "model/weights.bin (17 MiB)", IgnoreFile} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	limits := DefaultLimits()
	limits.Unpacked = 1 << 20
	if _, err := Pack(dir, limits); err == nil || !strings.Contains(err.Error(), "more than 1024 KiB") {
		t.Errorf("above the limit of what is unpacked: %v", err)
	}
}

func TestSealAndDigest(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "code")
	write(t, dir, map[string]string{"file a/b": "1", "exec c": "2", "link l": "c"})
	digest := func() string {
		t.Helper()
		d, err := Digest(dir)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if err := Seal(dir); err != nil {
		t.Fatal(err)
	}
	first := digest()
	for _, name := range []string{"a/b", "c", "a", "."} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o222 != 0 {
			t.Errorf("%s can be written: %v", name, info.Mode())
		}
	}
	if digest() != first {
		t.Error("the digest changes by itself")
	}
	path := filepath.Join(dir, "a", "b")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("3"), 0o644); err != nil { // same length
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	if digest() == first {
		t.Error("other contents have the same digest")
	}
	for range 2 { // what is not there is removed already
		if err := Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Error("it is still there")
	}
}
