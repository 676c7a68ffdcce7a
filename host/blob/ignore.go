package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// IgnoreFile lists, in the folder that is packed, what is left out: a pattern
// a line, "#" before a comment. A pattern with a slash before its last
// character is a path from the folder, any other is a name at any depth; a slash at the end
// means folders only. "*", "?" and "[…]" are those of [path.Match].
const IgnoreFile = ".polyboltignore"

// Ignored is left out of every folder.
var Ignored = []string{".git", ".venv", "__pycache__", IgnoreFile}

// maxIgnore bounds the list, in bytes.
const maxIgnore = 64 << 10

// rules are patterns of what is left out.
type rules []rule

type rule struct {
	pattern  string
	anchored bool // a path, not a name
	folders  bool // folders only
}

func readIgnore(root *os.Root) (rules, error) {
	var list rules
	for _, name := range Ignored {
		list = append(list, rule{pattern: name})
	}
	f, err := root.Open(IgnoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxIgnore+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxIgnore {
		return nil, fmt.Errorf("%s has more than %d bytes", IgnoreFile, maxIgnore)
	}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		r, err := parseRule(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", IgnoreFile, i+1, err)
		}
		list = append(list, r)
	}
	return list, nil
}

func parseRule(line string) (r rule, err error) {
	if line[0] == '!' {
		return r, errors.New(`patterns that begin with "!" are not supported: name what is to be left out`)
	}
	r.pattern, r.folders = strings.CutSuffix(line, "/")
	r.anchored = strings.Contains(r.pattern, "/")
	r.pattern = strings.TrimPrefix(r.pattern, "/")
	if strings.Contains(r.pattern, "**") {
		return r, errors.New(`"**" is not supported: a pattern without a slash applies at any depth`)
	}
	if _, err := path.Match(r.pattern, ""); err != nil {
		return r, fmt.Errorf("%q: %w", line, err)
	}
	return r, nil
}

// ignore tells whether a path is left out.
func (l rules) ignore(name string, folder bool) bool {
	for _, r := range l {
		subject := name
		if !r.anchored {
			subject = path.Base(name)
		}
		if matched, _ := path.Match(r.pattern, subject); matched && (folder || !r.folders) { // the pattern is known to be good
			return true
		}
	}
	return false
}
