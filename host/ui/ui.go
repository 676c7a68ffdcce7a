// Package ui is the web page that shows a cluster. It is static: a script that
// asks the API beside it, with the token that a person gives it. Everything is
// embedded; nothing is loaded from elsewhere, and the browser is told so.
//
// The sources are in web, `make ui` builds dist from them.
package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed dist
var dist embed.FS

// policy is what the browser lets the page do: its own script and style, and
// questions to where it comes from. No page may frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is one that is served.
type file struct {
	body, zipped []byte
	kind, tag    string
}

// Handler serves the page. It needs no token: there is nothing secret in it.
// The caller checks the names that requests are sent to.
func Handler() http.Handler {
	files := map[string]file{}
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := read(name)
		files[strings.TrimPrefix(name, "dist")] = f
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("ui: what is embedded cannot be read: %v", err))
	}
	files["/"] = files["/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, found := files[r.URL.Path]
		switch {
		case !found:
			http.Error(w, "there is no such page: begin at /", http.StatusNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this can only be read", http.StatusMethodNotAllowed)
		default:
			f.serve(w, r)
		}
	})
}

func read(name string) (file, error) {
	body, err := dist.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	sum := sha256.Sum256(body)
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return file{}, err
	}
	if _, err := z.Write(body); err != nil {
		return file{}, err
	}
	if err := z.Close(); err != nil {
		return file{}, err
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if path.Ext(name) == ".js" { // whatever this machine's table says
		kind = "text/javascript; charset=utf-8"
	}
	return file{body: body, zipped: zipped.Bytes(), kind: kind, tag: `"` + hex.EncodeToString(sum[:16]) + `"`}, nil
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache") // ask again each time: the tag says whether it is still the same
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Type", f.kind)
	body := f.body
	tag := f.tag
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body, tag = f.zipped, strings.TrimSuffix(tag, `"`)+`-gz"`
	}
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // who does not listen misses it
	}
}
