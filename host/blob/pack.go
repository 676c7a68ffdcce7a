package blob

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Packed is a folder, packed.
type Packed struct {
	Data     []byte
	Hash     Hash
	Files    int   // files and links
	Unpacked int64 // bytes of the files
}

// shownFiles is how many of the largest files an error names.
const shownFiles = 5

// Pack packs a folder, without what [Ignored] and the folder's own
// [IgnoreFile] leave out. Its errors name the file and say what to do.
func Pack(dir string, limits Limits) (*Packed, error) { return PackWith(dir, limits, "", nil) }

// PackWith is [Pack] with one more file at the top, which is not in the folder;
// without a name there is none.
func PackWith(dir string, limits Limits, name string, data []byte) (*Packed, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	rules, err := readIgnore(root)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	p := &packing{root: root, dir: dir, limits: limits, rules: rules}
	out := &bytes.Buffer{}
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	p.tar = tar.NewWriter(z)
	// WalkDir visits names in order, and a folder before what is in it.
	err = fs.WalkDir(root.FS(), ".", p.visit)
	if err == nil && name != "" {
		err = p.extra(name, data)
	}
	if err == nil {
		err = errors.Join(p.tar.Close(), z.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	if int64(out.Len()) > limits.Packed {
		return nil, p.tooLarge("%s packed, and the limit is %s", size(int64(out.Len())), size(limits.Packed))
	}
	return &Packed{Data: out.Bytes(), Hash: HashOf(out.Bytes()), Files: p.files, Unpacked: p.bytes}, nil
}

// packing is one packing under way.
type packing struct {
	root   *os.Root
	dir    string
	limits Limits
	rules  rules
	tar    *tar.Writer

	entries, files int
	bytes          int64
	largest        []largeFile // at most shownFiles, the largest first
}

type largeFile struct {
	name string
	size int64
}

func (p *packing) visit(name string, entry fs.DirEntry, err error) error {
	if err != nil || name == "." {
		return err
	}
	if p.rules.ignore(name, entry.IsDir()) {
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if p.entries++; p.entries > p.limits.Files {
		return p.tooLarge("more than %d files and folders", p.limits.Files)
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: name, Mode: int64(info.Mode().Perm())}
	switch info.Mode().Type() {
	case fs.ModeDir:
		header.Typeflag, header.Name = tar.TypeDir, name+"/"
		return p.tar.WriteHeader(header)
	case fs.ModeSymlink:
		p.files++
		header.Typeflag, header.Mode = tar.TypeSymlink, 0o777
		if header.Linkname, err = p.root.Readlink(name); err != nil {
			return err
		}
		if err := checkLink(name, header.Linkname); err != nil {
			return err
		}
		return p.tar.WriteHeader(header)
	case 0:
		p.files++
		return p.file(name, info, header)
	}
	return fmt.Errorf("%s is neither a file nor a folder nor a link: remove it, or list it in %s", name, IgnoreFile)
}

// extra writes a file that is not in the folder.
func (p *packing) extra(name string, data []byte) error {
	if _, err := p.root.Lstat(name); err == nil {
		return fmt.Errorf("%s is in the folder, and the bundle needs the name for a file of its own: rename it", name)
	}
	p.files++
	p.bytes += int64(len(data))
	if err := p.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := p.tar.Write(data)
	return err
}

func (p *packing) file(name string, info fs.FileInfo, header *tar.Header) error {
	header.Typeflag, header.Size = tar.TypeReg, info.Size()
	p.bytes += info.Size()
	p.note(name, info.Size())
	if p.bytes > p.limits.Unpacked {
		return p.tooLarge("more than %s", size(p.limits.Unpacked))
	}
	f, err := p.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := p.tar.WriteHeader(header); err != nil {
		return err
	}
	n, err := io.Copy(p.tar, f)
	if errors.Is(err, tar.ErrWriteTooLong) || err == nil && n < info.Size() {
		return fmt.Errorf("%s changed while it was read: try again when nothing writes to it", name)
	}
	return err
}

func (p *packing) note(name string, n int64) {
	p.largest = append(p.largest, largeFile{name, n})
	slices.SortStableFunc(p.largest, func(a, b largeFile) int { return int(b.size - a.size) })
	p.largest = p.largest[:min(len(p.largest), shownFiles)]
}

func (p *packing) tooLarge(format string, args ...any) error {
	var names []string
	for _, f := range p.largest {
		names = append(names, fmt.Sprintf("%s (%s)", f.name, size(f.size)))
	}
	return fmt.Errorf("the folder %s is too large: it has %s. List what does not belong to the code in %s; the largest files are %s",
		p.dir, fmt.Sprintf(format, args...), IgnoreFile, strings.Join(names, ", "))
}

// checkLink returns an error unless the link name points into the folder. Its
// target climbs up first and then goes down: with ".." behind a name, which may
// itself be a link, nobody could tell where it leads.
func checkLink(name, target string) error {
	if filepath.IsAbs(target) || target == "" || filepath.Clean(target) != strings.TrimSuffix(target, "/") && target != "/" ||
		!filepath.IsLocal(filepath.Join(filepath.Dir(name), target)) {
		return fmt.Errorf("%s is a link to %q, which does not lie in the folder, or is not written in the shortest way: put a copy in its place", name, target)
	}
	return nil
}
