// Package stormtest fetches the libraries that people wrote their components
// with, for tests: Storm's own for Python, Node and Ruby from its published
// jars, pystorm and streamparse from PyPI. They are kept in a cache; nothing of theirs is committed.
package stormtest

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/polybolt/polybolt/tools/fetch"
)

// The newest published versions at the time of writing, and what they are.
const (
	Storm       = "2.8.4"
	Pystorm     = "3.1.4"
	Streamparse = "5.0.1"

	mavenGet = "org.apache.maven.plugins:maven-dependency-plugin:2.8:get"
)

// libraries are Storm's child libraries: the jar each comes in, and its checksum.
var libraries = map[string]struct{ artifact, sha256 string }{
	"storm.py": {"multilang-python", "e44370b132ff19b20efd0304646064a234612d29f621dbab9e24792b4be77d8e"},
	"storm.js": {"multilang-javascript", "a00d5ba1ccd3d3de47ab229993ca50545bb1a0e3e91ccceb545ce3049034e5db"},
	"storm.rb": {"multilang-ruby", "7c6deb92d47a7e7ac554799c7b0a17a74443b909d7cd92c91784e325b6d206a9"},
}

// Library returns the path of storm.py, storm.js or storm.rb, fetching it with
// Maven first if that has not been done before. Any number of processes may call it at once.
func Library(ctx context.Context, name string) (string, error) {
	lib, known := libraries[name]
	if !known {
		return "", fmt.Errorf("stormtest: there is no %s", name)
	}
	dir, err := fetch.Once(ctx, "storm-"+Storm+"-"+name, func(dir string) (string, error) {
		// Version 2.8 of the plugin, as later ones want the parent's POM, which is not there.
		err := fetch.Command(ctx, dir, "mvn", "-q", "-B", mavenGet, "-Dartifact=org.apache.storm:"+lib.artifact+":"+Storm, "-Dtransitive=false")
		if err != nil {
			return "", err
		}
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		jar := filepath.Join(home, ".m2", "repository", "org", "apache", "storm", lib.artifact, Storm, lib.artifact+"-"+Storm+".jar")
		if err := verify(jar, lib.sha256); err != nil {
			return "", err
		}
		return dir, extract(jar, name, filepath.Join(dir, name))
	})
	return filepath.Join(dir, name), err
}

// PystormPath returns a folder for PYTHONPATH that holds pystorm and msgpack,
// fetching them with pip first if that has not been done before.
func PystormPath(ctx context.Context) (string, error) {
	return fetch.Once(ctx, "pystorm-"+Pystorm, func(dir string) (string, error) {
		return dir, fetch.Command(ctx, dir, "python3", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", dir, "pystorm=="+Pystorm, "msgpack")
	})
}

// streamparseNeeds is what `import streamparse` needs. It requires more (Fabric,
// Cython, Jinja …), for what its command line does.
var streamparseNeeds = []string{"pystorm==" + Pystorm, "msgpack", "simplejson", "six", "thriftpy2", "ply", "ijson"}

// StreamparsePath returns a folder for PYTHONPATH that holds streamparse and what
// its components need, with its commands in bin, fetching them with pip first if
// that has not been done before.
func StreamparsePath(ctx context.Context) (string, error) {
	return fetch.Once(ctx, "streamparse-"+Streamparse, func(dir string) (string, error) {
		args := []string{"-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--target", dir, "streamparse==" + Streamparse}
		return dir, fetch.Command(ctx, dir, "python3", append(args, streamparseNeeds...)...)
	})
}

func verify(file, want string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
		return fmt.Errorf("%s is not the file that was looked at: its SHA-256 is %x", filepath.Base(file), sum)
	}
	return nil
}

// extract writes the file of that name, in whatever folder of the jar, to a file.
func extract(jar, name, to string) error {
	z, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		if path.Base(f.Name) != name {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		data, err := io.ReadAll(io.LimitReader(r, 1<<20))
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	}
	return fmt.Errorf("%s has no %s", filepath.Base(jar), name)
}
