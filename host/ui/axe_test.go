package ui

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/polybolt/polybolt/tools/fetch"
)

// Axe is fetched with npm, once, and kept where the tests keep such things; the
// checksum is that of axe.min.js in this version.
const (
	axeFile    = "axe.min.js"
	axeVersion = "4.14.1"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// axe returns the script.
var axe = sync.OnceValues(func() (string, error) {
	dir, err := fetch.Once(context.Background(), "axe-"+axeVersion, func(work string) (string, error) {
		if err := fetch.Command(context.Background(), work, "npm", "pack", "--silent", "axe-core@"+axeVersion); err != nil {
			return "", err
		}
		kept := filepath.Join(work, "kept")
		return kept, unpackAxe(filepath.Join(work, "axe-core-"+axeVersion+".tgz"), kept)
	})
	if err != nil {
		return "", fmt.Errorf("fetch axe-core %s with npm: %w", axeVersion, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, axeFile))
	if sum := sha256.Sum256(text); err == nil && hex.EncodeToString(sum[:]) != axeSum {
		err = fmt.Errorf("%s in %s is not what it should be: remove the folder, to have it fetched again", axeFile, dir)
	}
	return string(text), err
})

// unpackAxe writes the script of a package, and nothing else of it, into a new folder.
func unpackAxe(file, dir string) error {
	packed, err := os.Open(file)
	if err != nil {
		return err
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return fmt.Errorf("there is no %s: %w", axeFile, err)
		}
		if h.Name != "package/"+axeFile {
			continue
		}
		script, err := io.ReadAll(r)
		return errors.Join(err, os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, axeFile), script, 0o644))
	}
}

// runAxe has axe look at the page, and returns what it finds that is serious or worse.
func (b *browser) runAxe() []string {
	b.t.Helper()
	script, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	if b.js("return typeof axe") != "object" {
		b.js(script)
	}
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML string }
	}
	ask(b.t, "POST", b.base+"/execute/async", map[string]any{"args": []any{}, "script": `
		const done = arguments[arguments.length - 1]
		axe.run(document, { resultTypes: ['violations'] }).then((r) => done(r.violations.map((v) => (
			{ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => ({ html: n.html })) }))), (e) => done([{ id: 'axe', impact: 'critical', help: String(e), nodes: [] }]))`}, &found)
	var bad []string
	for _, f := range found {
		if f.Impact != "serious" && f.Impact != "critical" {
			continue
		}
		var nodes []string
		for _, n := range f.Nodes {
			nodes = append(nodes, fmt.Sprintf("%.200s", n.HTML))
		}
		bad = append(bad, fmt.Sprintf("%s, %s: %s: %s", f.Impact, f.ID, f.Help, strings.Join(nodes, "; ")))
	}
	return bad
}

// Axe finds what it is for.
func TestAxe(t *testing.T) {
	t.Parallel()
	b := open(t, "data:text/html,<html><title>x</title><main><h1>One</h1><button></button><img src=x></main>", desktop, false)
	b.goTo("")
	found := strings.Join(b.runAxe(), "\n")
	for _, want := range []string{"button-name", "image-alt", "html-has-lang"} {
		if !strings.Contains(found, want) {
			t.Errorf("%s is not found in\n%s", want, found)
		}
	}
}
