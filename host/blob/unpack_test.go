package blob

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// archive packs whatever headers say, as a stranger could.
func archive(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.CopyN(w, zeros{}, h.Size); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// What a stranger packs is refused before anything lies outside the folder.
func TestHostileBundles(t *testing.T) {
	t.Parallel()
	dir := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	file := func(name string) tar.Header { return tar.Header{Name: name, Size: 3} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
	}
	for name, c := range map[string]struct {
		headers []tar.Header
		want    string
	}{
		"dot-dot":            {[]tar.Header{file("../evil")}, "does not lie in the bundle"},
		"dot-dot-inside":     {[]tar.Header{dir("a/"), file("a/../../evil")}, "does not lie in the bundle"},
		"absolute":           {[]tar.Header{file("/tmp/evil")}, "does not lie in the bundle"},
		"unclean":            {[]tar.Header{file("./evil")}, "does not lie in the bundle"},
		"empty-name":         {[]tar.Header{dir("/")}, "does not lie in the bundle"},
		"absolute-link":      {[]tar.Header{link("l", "/etc/passwd")}, "does not lie in the folder"},
		"outward-link":       {[]tar.Header{link("l", "../x")}, "does not lie in the folder"},
		"sly-link":           {[]tar.Header{dir("a/"), link("a/l", "b/../../../x")}, "is a link"},
		"link-to-nothing":    {[]tar.Header{link("l", "")}, "is a link"},
		"through-a-link":     {[]tar.Header{link("l", "a"), file("l/evil")}, "its folder is none"},
		"link-then-file":     {[]tar.Header{link("l", "x"), file("l")}, "there twice"},
		"twice":              {[]tar.Header{file("a"), file("a")}, "there twice"},
		"no-folder":          {[]tar.Header{file("a/b")}, "before its folder"},
		"below-a-file":       {[]tar.Header{file("a"), file("a/b")}, "its folder is none"},
		"setuid":             {[]tar.Header{{Name: "a", Mode: 0o4755}}, "only permission bits"},
		"setgid-folder":      {[]tar.Header{{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o2755}}, "only permission bits"},
		"device":             {[]tar.Header{{Name: "a", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}, "neither a file nor"},
		"pipe":               {[]tar.Header{{Name: "a", Typeflag: tar.TypeFifo}}, "neither a file nor"},
		"hard-link":          {[]tar.Header{{Name: "a", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}}, "neither a file nor"},
		"long-name":          {[]tar.Header{file(strings.Repeat("x", 5000))}, "does not lie in the bundle"},
		"name-of-the-parent": {[]tar.Header{{Name: "..", Typeflag: tar.TypeDir, Mode: 0o755}}, "does not lie in the bundle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packed := archive(t, c.headers...)
			top := t.TempDir()
			out := filepath.Join(top, "a", "b")
			if err := os.MkdirAll(out, 0o755); err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{
				"Extract": Extract(packed, out, DefaultLimits()),
				"Read":    second(Read(packed, DefaultLimits(), "topology.yaml")),
			} {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v, and not %q", what, err, c.want)
				}
			}
			for name := range list(t, top) {
				if !strings.HasPrefix(strings.SplitN(name, " ", 2)[1], "a/b/") {
					t.Errorf("%s lies outside", name)
				}
			}
		})
	}
}

func second(_ []byte, err error) error { return err }

// 10 GB of zeros, packed to under a megabyte, take neither the memory nor the time.
func TestBomb(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	const huge = 10 << 30
	if err := w.WriteHeader(&tar.Header{Name: "zeros", Typeflag: tar.TypeReg, Mode: 0o644, Size: huge}); err != nil {
		t.Fatal(err)
	}
	// Its first gigabyte will do: what says it is too large is not read so far.
	if _, err := io.CopyN(w, zeros{}, 1<<30); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes packed", out.Len())
	refused(t, out.Bytes())

	// The same as many files, none of which is too large.
	var many []tar.Header
	for i := range 20 {
		many = append(many, tar.Header{Name: "zeros" + string(rune('a'+i)), Size: 50 << 20})
	}
	refused(t, archive(t, many...))
}

func refused(t *testing.T, packed []byte) {
	t.Helper()
	if int64(len(packed)) > DefaultLimits().Packed {
		t.Fatalf("%d bytes: no bomb", len(packed))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(packed, DefaultLimits(), "topology.yaml")
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "more than 512 MiB, unpacked") {
		t.Errorf("a bomb: %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 128<<20 {
		t.Errorf("it took %d MiB", used>>20)
	}
}

// A frame that declares a window of a gigabyte does not get it.
func TestHugeWindow(t *testing.T) {
	t.Parallel()
	// RFC 8878, 3.1.1: magic, a descriptor without anything, a window of 2^(10+31) bytes.
	packed := append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 31 << 3}, make([]byte, 100)...)
	if _, err := Read(packed, DefaultLimits(), "x"); err == nil {
		t.Error("it was read")
	}
}

// A bundle that was cut anywhere, or has a flipped byte, is an error or, where
// nothing is lost, the same.
func TestDamagedBundles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"file topology.yaml": "name: t\n", "file a/b": strings.Repeat("xyz", 1000)})
	whole := pack(t, dir).Data
	for n := range len(whole) {
		if text, err := Read(whole[:n], DefaultLimits(), "topology.yaml"); err == nil && string(text) != "name: t\n" {
			t.Errorf("cut after %d of %d bytes: %q", n, len(whole), text)
		}
		if n < len(whole)-10 {
			if err := Extract(whole[:n], t.TempDir(), DefaultLimits()); err == nil {
				t.Errorf("cut after %d of %d bytes, it is unpacked", n, len(whole))
			}
		}
	}
	if _, err := Read(whole, DefaultLimits(), "missing.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := Read(whole, Limits{Packed: 10, Unpacked: 1 << 20, Files: 10}, "topology.yaml"); err == nil || !strings.Contains(err.Error(), "the limit is 10 bytes") {
		t.Errorf("above the limit: %v", err)
	}
}

// Whatever is unpacked stays inside, and is bounded.
func FuzzExtract(f *testing.F) {
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Add(archive(f, tar.Header{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o755}, tar.Header{Name: "a/b", Size: 10}, tar.Header{Name: "l", Linkname: "a", Typeflag: tar.TypeSymlink}))
	f.Add(archive(f, tar.Header{Name: "../x", Size: 1}))
	limits := Limits{Packed: 1 << 20, Unpacked: 1 << 20, Files: 100}
	f.Fuzz(func(t *testing.T, packed []byte) {
		top := t.TempDir()
		out := filepath.Join(top, "out")
		if err := os.Mkdir(out, 0o755); err != nil {
			t.Fatal(err)
		}
		_ = Extract(packed, out, limits) // most inputs are refused
		entries, err := os.ReadDir(top)
		if err != nil || len(entries) != 1 {
			t.Fatalf("%v: something lies outside: %v", err, entries)
		}
		if err := Remove(out); err != nil {
			t.Fatal(err)
		}
	})
}
