package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pins are what files of a plugin must be: SHA-256 by absolute path.
type pins map[string]string

// parsePins reads checksums of the form FILE=SHA256.
func parsePins(list []string) (pins, error) {
	p := pins{}
	for _, text := range list {
		file, sum, found := cutLast(text, "=")
		raw, err := hex.DecodeString(strings.ToLower(sum))
		if !found || file == "" || err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("the checksum of a plugin %q is none: write FILE=SHA256, the latter in hexadecimal digits as sha256sum prints it", text)
		}
		path, err := filepath.Abs(file)
		if err != nil {
			return nil, fmt.Errorf("the checksum of the plugin %s: %w", file, err)
		}
		p[path] = hex.EncodeToString(raw)
	}
	return p, nil
}

// cutLast is [strings.Cut] at the last separator: files may have one in their names.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// verify reads the files of a command that are pinned, and returns an error if
// one is not what it must be, or if none is pinned although some files are. The
// command's arguments count too: a script is one, of its interpreter.
func (p pins) verify(command []string) error {
	if len(p) == 0 {
		return nil
	}
	pinned := false
	for i, word := range command {
		path, err := filepath.Abs(word)
		if i == 0 {
			if found, lerr := exec.LookPath(word); lerr == nil {
				path, err = filepath.Abs(found)
			}
		}
		if err != nil {
			return err
		}
		want, there := p[path]
		if !there {
			continue
		}
		pinned = true
		got, err := checksum(path)
		if err != nil {
			return fmt.Errorf("its checksum cannot be taken: %w", err)
		}
		if got != want {
			return fmt.Errorf("%s is not what it was: its SHA-256 is %s, and the configuration says %s; if it was changed on purpose, write the new one there", path, got, want)
		}
	}
	if !pinned {
		return errors.New("none of its files has a checksum in the configuration, and others have: add FILE=SHA256 for it")
	}
	return nil
}

func checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
