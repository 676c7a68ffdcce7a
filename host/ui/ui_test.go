package ui

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The page is served with a policy that lets it load nothing from elsewhere,
// packed, and only when it has changed.
func TestHandler(t *testing.T) {
	t.Parallel()
	h := Handler()
	ask := func(method, path string, header ...string) *http.Response {
		r := httptest.NewRequest(method, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	for path, kind := range map[string]string{"/": "text/html", "/index.html": "text/html", "/app.js": "text/javascript", "/app.css": "text/css", "/icon.svg": "image/svg+xml", "/LICENSES.txt": "text/plain"} {
		plain := ask("GET", path)
		body, err := io.ReadAll(plain.Body)
		if err != nil || plain.StatusCode != http.StatusOK || !strings.HasPrefix(plain.Header.Get("Content-Type"), kind) || len(body) == 0 {
			t.Errorf("%s: %s, %s, %d bytes, %v", path, plain.Status, plain.Header.Get("Content-Type"), len(body), err)
		}
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'"} {
			if !strings.Contains(plain.Header.Get("Content-Security-Policy"), want) {
				t.Errorf("%s: the policy lacks %s", path, want)
			}
		}
		packed := ask("GET", path, "Accept-Encoding", "br, gzip")
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if again, err := io.ReadAll(z); err != nil || string(again) != string(body) {
			t.Errorf("%s is another one when it is packed: %v", path, err)
		}
		if packed.Header.Get("ETag") == plain.Header.Get("ETag") {
			t.Errorf("%s: packed and not have one tag", path)
		}
		if same := ask("GET", path, "If-None-Match", plain.Header.Get("ETag")); same.StatusCode != http.StatusNotModified {
			t.Errorf("%s with its tag: %s", path, same.Status)
		}
		if head := ask("HEAD", path); head.StatusCode != http.StatusOK || head.Header.Get("Content-Length") == "" {
			t.Errorf("HEAD %s: %s", path, head.Status)
		}
	}
	if a := ask("POST", "/"); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", a.Status)
	}
	for _, path := range []string{"/nothing", "/dist/app.js", "/../ui.go", "/app.js/"} {
		if a := ask("GET", path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

// What is embedded names no other host but in licences and namespaces, and is
// small: 150 KiB in all, packed.
func TestWhatIsEmbedded(t *testing.T) {
	t.Parallel()
	total := 0
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := read(name)
		total += len(f.zipped)
		if !strings.HasSuffix(name, ".txt") {
			text := strings.ReplaceAll(strings.ReplaceAll(string(f.body), "http://www.w3.org/", ""), "https://www.w3.org/", "")
			for _, scheme := range []string{"http://", "https://"} {
				if at := strings.Index(text, scheme); at >= 0 {
					t.Errorf("%s names another host: %.80s", name, text[at:])
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 150<<10 {
		t.Errorf("the page has %d bytes, packed", total)
	}
}
