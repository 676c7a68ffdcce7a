package coordinator

import (
	"errors"
	"testing"
)

func TestCheckPath(t *testing.T) {
	t.Parallel()
	for path, ok := range map[string]bool{
		"/":           true,
		"/a":          true,
		"/a/b.c/..d":  true,
		"/Zürich/日本":  true,
		"":            false,
		"a":           false,
		"a/b":         false,
		"/a/":         false,
		"//":          false,
		"/a//b":       false,
		"/a/.":        false,
		"/../b":       false,
		"/a\x00b":     false,
		"/a\nb":       false,
		"/a\u0085b":   false,
		"/a\ue000":    false,
		"/a\ufffd":    false,
		"/\U0001f600": false,
		"/a\xff":      false,
	} {
		if err := CheckPath(path); (err == nil) != ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("CheckPath(%q) = %v", path, err)
		}
	}
}

func TestParent(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/": "/", "/a": "/", "/a/b": "/a", "/a/b/c": "/a/b"} {
		if got := Parent(path); got != want {
			t.Errorf("Parent(%q) = %q, want %q", path, got, want)
		}
	}
}
