package shells

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// The SDKs travel in the binary, so that a child speaks exactly what its host
// does. Globs, not folders: embedding a folder leaves __init__.py out, and
// "all:" takes __pycache__ in. *.*s is .js, .mjs and .d.ts. A test compares with the disk.
//
//go:embed python/boot/*.py python/classic/*.py python/src/polybolt/*.py python/src/polybolt/compat/*.py python/src/polybolt/py.typed
//go:embed node/package.json node/*.*s node/lib/*.*s
var embedded embed.FS

// SDK is our Python and Node libraries, unpacked in a folder of this machine.
// It is immutable.
type SDK struct {
	dir   string // holds python/ and node/polybolt/
	state string // the state folder
}

// sdkFiles returns the files of both SDKs by their place below an SDK's folder.
// The Node files lie in a folder of the package's name, so that NODE_PATH finds it.
var sdkFiles = sync.OnceValue(func() map[string][]byte {
	files := map[string][]byte{}
	err := fs.WalkDir(embedded, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := embedded.ReadFile(path)
		if rest, ok := strings.CutPrefix(path, "node/"); ok {
			path = "node/polybolt/" + rest
		}
		files[path] = b
		return err
	})
	if err != nil {
		panic("shells: reading our own binary: " + err.Error())
	}
	return files
})

// OpenSDK unpacks the SDKs below the state folder (see [StateDir]), unless that
// version is there already, whole. Several processes may do so at once.
func OpenSDK(state string) (*SDK, error) {
	state, err := filepath.Abs(state)
	if err != nil {
		return nil, err
	}
	// PYTHONPATH and NODE_PATH cannot express a colon, Node's imports no backslash.
	if i := strings.IndexAny(state, `:\`); i >= 0 {
		return nil, fmt.Errorf("the state folder %s has a %q in its name, with which Python or Node cannot find a library: set POLYBOLT_HOME to another", state, state[i])
	}
	files := sdkFiles()
	s := &SDK{dir: filepath.Join(state, "sdk", digest(files)), state: state}
	if intact(s.dir, files) == nil {
		return s, nil
	}
	if err := s.unpack(files); err != nil {
		return nil, fmt.Errorf("unpack the SDKs into %s: %w", s.dir, err)
	}
	return s, nil
}

// Dir returns the folder that holds the package of a language, "python" or
// "node": what belongs on PYTHONPATH or NODE_PATH, or into an editor's settings. It is empty for
// any other.
func (s *SDK) Dir(lang string) string {
	switch lang {
	case "python":
		return filepath.Join(s.dir, "python", "src")
	case "node":
		return filepath.Join(s.dir, "node")
	}
	return ""
}

// cache returns the folder for what shims stand for, empty without an SDK.
func (s *SDK) cache() string {
	if s == nil {
		return ""
	}
	return filepath.Join(s.state, "shims")
}

// digest names a set of files by its contents.
func digest(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, b := range [][]byte{[]byte(name), files[name]} {
			h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
			h.Write(b)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// intact tells whether a folder holds exactly these contents; files beyond
// them do not matter.
func intact(dir string, files map[string][]byte) error {
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s was changed", filepath.Join(dir, name))
		}
	}
	return nil
}

// unpack writes the files beside their place and moves them there as one. If another
// process was faster, its folder stays; one that is damaged is moved away.
func (s *SDK) unpack(files map[string][]byte) error {
	parent := filepath.Dir(s.dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp) // in the end it holds what is of no use
	fresh := filepath.Join(temp, "fresh")
	for name, b := range files {
		file := filepath.Join(fresh, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			return err
		}
	}
	for range 10 { // others may move theirs in and away meanwhile
		if err = os.Rename(fresh, s.dir); err == nil || intact(s.dir, files) == nil {
			return nil
		}
		if err := os.Rename(s.dir, filepath.Join(temp, "damaged")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		os.RemoveAll(filepath.Join(temp, "damaged"))
	}
	return err
}
