package coordinator

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckPath returns an error that wraps [ErrInvalid] unless path names a node:
// "/", or names that each follow a slash. ZooKeeper's rules (its PathUtils): no
// name is empty, "." or "..", and there are no control characters, none for
// private use, and none that UTF-16 writes as a surrogate pair.
func CheckPath(path string) error {
	if path == "/" {
		return nil
	}
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return fmt.Errorf("path %q does not begin with a slash: %w", path, ErrInvalid)
	}
	for name := range strings.SplitSeq(rest, "/") {
		if name == "" || name == "." || name == ".." {
			return fmt.Errorf("path %q has a name %q: %w", path, name, ErrInvalid)
		}
	}
	if !utf8.ValidString(path) {
		return fmt.Errorf("path %q is not UTF-8: %w", path, ErrInvalid)
	}
	for _, r := range path {
		if r <= 0x1f || r >= 0x7f && r <= 0x9f || r >= 0xe000 && r <= 0xf8ff || r >= 0xfff0 {
			return fmt.Errorf("path %q holds the character %U: %w", path, r, ErrInvalid)
		}
	}
	return nil
}

// Parent returns the path above path; that of "/" is "/".
func Parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return "/"
}
