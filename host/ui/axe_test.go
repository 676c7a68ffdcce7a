package ui

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/polybolt/polybolt/multilang/storm/stormtest"
)

// Axe is fetched with npm, once, and kept where the tests keep such things; the
// checksum is that of axe.min.js in this version.
const (
	axeVersion = "4.14.1"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// axe returns the script.
var axe = sync.OnceValues(func() (string, error) {
	cache := os.Getenv(stormtest.CacheEnv)
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "polybolt-test")
	}
	file := filepath.Join(cache, "axe-"+axeVersion+".min.js")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		if err := fetchAxe(cache, file); err != nil {
			return "", fmt.Errorf("fetch axe-core %s with npm: %w", axeVersion, err)
		}
	}
	text, err := os.ReadFile(file)
	if sum := sha256.Sum256(text); err == nil && hex.EncodeToString(sum[:]) != axeSum {
		err = fmt.Errorf("%s is not what it should be: remove it, to have it fetched again", file)
	}
	return string(text), err
})

// fetchAxe puts the script into the cache, whole or not at all.
func fetchAxe(cache, file string) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(cache, "partial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	pack := exec.Command("npm", "pack", "--silent", "axe-core@"+axeVersion)
	pack.Dir = work
	if out, err := pack.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	packed, err := os.Open(filepath.Join(work, "axe-core-"+axeVersion+".tgz"))
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
			return fmt.Errorf("there is no axe.min.js: %w", err)
		}
		if h.Name != "package/axe.min.js" {
			continue
		}
		script, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		fresh := filepath.Join(work, "axe.js")
		return errors.Join(os.WriteFile(fresh, script, 0o644), os.Rename(fresh, file))
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
