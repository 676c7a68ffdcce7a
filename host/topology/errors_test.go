package topology

import (
	"errors"
	"strings"
	"testing"
)

// TestErrorsOrder tests the order, the folding of repetitions and the form of problems.
func TestErrorsOrder(t *testing.T) {
	t.Parallel()
	p := &problems{file: "a.yaml"}
	if p.err() != nil {
		t.Fatal("no problem is an error")
	}
	p.add(place{option: "--set x=1"}, "last")
	p.add(place{Pos: Pos{10, 1}}, "third")
	p.add(place{Pos: Pos{2, 9}}.in("a.b"), "second")
	p.add(place{Pos: Pos{2, 3}}.in("a").reading("b"), "first")
	p.add(place{Pos: Pos{2, 9}}.in("a.b"), "second")
	err := p.err()
	want := "a.yaml:2:3: a: first\na.yaml:2:9: a.b: second\na.yaml:10:1: third\n--set x=1: last"
	if err.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", err, want)
	}
	var one Error
	if !errors.As(err, &one) || one != (Error{"a.yaml", Pos{2, 3}, "a", "b", "a: first"}) {
		t.Errorf("got %#v", one)
	}
}

// TestErrorsBound tests that a hostile file does not get a message for each of its problems.
func TestErrorsBound(t *testing.T) {
	t.Parallel()
	p := &problems{file: "a.yaml"}
	for i := range maxCollected + 10 {
		p.add(place{Pos: Pos{i + 1, 1}}, "x")
	}
	var all Errors
	if !errors.As(p.err(), &all) || len(all) != maxReported+1 {
		t.Fatalf("%d errors", len(all))
	}
	if last := all[maxReported].Error(); last != "a.yaml: and 4910 more problems" {
		t.Error(last)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a b": "a b", "a\n\x1b[31m\u009b": "a??[31m?", strings.Repeat("é", 60): strings.Repeat("é", 60), strings.Repeat("é", 61): strings.Repeat("é", 60) + "…",
	} {
		if got := clip(in); got != want {
			t.Errorf("clip(%q) = %s", in, got)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a b":                    `"a b"`,
		"a\n\x1b[31m":            `"a\n\x1b[31m"`,
		strings.Repeat("é", 60):  `"` + strings.Repeat("é", 60) + `"`,
		strings.Repeat("é", 100): `"` + strings.Repeat("é", 60) + `"…`,
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s", in, got)
		}
	}
}
