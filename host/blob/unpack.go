package blob

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory that a packed piece can ask for: what Pack writes
// needs 8 MiB.
const maxWindow = 32 << 20

// Read checks a packed piece whole, and returns the contents of one of its
// files, which may be missing: then the error is [fs.ErrNotExist].
func Read(packed []byte, limits Limits, file string) ([]byte, error) {
	var text []byte
	found := false
	err := scan(packed, limits, func(h *tar.Header, name string, r io.Reader) (err error) {
		if h.Typeflag == tar.TypeReg && name == path.Clean(file) {
			found = true
			text, err = io.ReadAll(r)
			return err
		}
		_, err = io.Copy(io.Discard, r)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%s: %w", file, fs.ErrNotExist)
	}
	return text, err
}

// Extract unpacks into a folder that exists and is empty. When it fails, what
// is there is of no use.
func Extract(packed []byte, dir string, limits Limits) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return scan(packed, limits, func(h *tar.Header, name string, r io.Reader) error {
		mode := fs.FileMode(h.Mode) & fs.ModePerm
		switch h.Typeflag {
		case tar.TypeDir:
			return root.Mkdir(name, 0o700|mode)
		case tar.TypeSymlink:
			return root.Symlink(h.Linkname, name)
		}
		f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		if err == nil {
			err = f.Chmod(mode | 0o400) // whatever the umask says
		}
		return errors.Join(err, f.Close())
	})
}

// scan goes through a packed piece in order and refuses whatever does not belong there.
func scan(packed []byte, limits Limits, visit func(h *tar.Header, name string, r io.Reader) error) error {
	if int64(len(packed)) > limits.Packed {
		return fmt.Errorf("the bundle has %s, and the limit is %s", size(int64(len(packed))), size(limits.Packed))
	}
	if len(packed) == 0 { // which would be an archive without files
		return errors.New("the bundle is empty")
	}
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return err
	}
	defer z.Close()
	s := scanner{limits: limits, seen: map[string]byte{".": tar.TypeDir}}
	// Names and headers count too: they could be as large as any file.
	s.left = limits.Unpacked + int64(limits.Files)*4096
	archive := tar.NewReader(io.LimitReader(z, s.left))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the bundle is no archive that polybolt packed: %w", err)
		}
		name, err := s.check(h)
		if err != nil {
			return fmt.Errorf("the bundle is refused: %w", err)
		}
		if err := visit(h, name, archive); err != nil {
			return fmt.Errorf("the bundle's %.200q: %w", h.Name, err)
		}
	}
}

// scanner remembers what has been seen of an archive.
type scanner struct {
	limits Limits
	seen   map[string]byte // types by name
	bytes  int64
	left   int64
}

// check judges an entry by its header, and returns its clean name.
func (s *scanner) check(h *tar.Header) (string, error) {
	name := strings.TrimSuffix(h.Name, "/")
	if len(s.seen) > s.limits.Files {
		return "", fmt.Errorf("it has more than %d files and folders", s.limits.Files)
	}
	if !filepath.IsLocal(name) || path.Clean(name) != name || strings.ContainsRune(name, 0) || len(name) > 4096 {
		return "", fmt.Errorf("the name %.200q does not lie in the bundle", h.Name)
	}
	if s.seen[name] != 0 {
		return "", fmt.Errorf("%.200q is there twice", name)
	}
	// A parent that is a link could lead anywhere.
	if s.seen[path.Dir(name)] != tar.TypeDir {
		return "", fmt.Errorf("%.200q comes before its folder, or its folder is none", name)
	}
	if h.Mode&^0o777 != 0 {
		return "", fmt.Errorf("%.200q has the mode %o: only permission bits are allowed", name, h.Mode)
	}
	switch h.Typeflag {
	case tar.TypeDir:
	case tar.TypeSymlink:
		if err := checkLink(name, h.Linkname); err != nil {
			return "", err
		}
	case tar.TypeReg:
		if s.bytes += h.Size; h.Size < 0 || s.bytes > s.limits.Unpacked {
			return "", fmt.Errorf("its files have more than %s, unpacked", size(s.limits.Unpacked))
		}
	default:
		return "", fmt.Errorf("%.200q is neither a file nor a folder nor a link", name)
	}
	s.seen[name] = h.Typeflag
	return name, nil
}
