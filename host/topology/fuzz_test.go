package topology

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
)

// FuzzLoad tests that no input makes the loader panic, that what it takes can
// be drawn and survives being written, and that what it refuses has a place or an option.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "config.workers", "2")
	}
	f.Add([]byte(small), `spouts.lines.config.a\.b`, "{x: [1, *a]}")
	f.Fuzz(func(t *testing.T, data []byte, path, value string) {
		top, err := Load("f.yaml", data)
		if err == nil {
			roundTrip(t, top)
			if !strings.HasPrefix(Graph(top), string(top.Name)+": ") || !strings.HasPrefix(Mermaid(top), "flowchart LR\n") {
				t.Error("no drawing")
			}
		} else {
			checkErrors(t, err)
		}
		if _, err := Load("f.yaml", data, Set(path, value)); err != nil {
			checkErrors(t, err)
		}
	})
}

func checkErrors(t *testing.T, err error) {
	t.Helper()
	var all Errors
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("%T is not Errors: %v", err, err)
	}
	for _, e := range all {
		placed := e.Pos.Line > 0 && e.Pos.Col > 0 || strings.HasPrefix(e.File, "--set ") || strings.HasPrefix(e.Msg, "and ") || strings.HasPrefix(e.Msg, "the file has ")
		if !placed || strings.ContainsFunc(e.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("a message without place, or with a control character: %q", e.Error())
		}
	}
}

// TestLoadHostile tests that files made to cost much do not: each is as large
// as a file may be and would take minutes if a step took the square of its length.
func TestLoadHostile(t *testing.T) {
	t.Parallel()
	fill := func(head, repeat, tail string) string {
		return head + strings.Repeat(repeat, (maxFileBytes-len(head)-len(tail))/len(repeat)) + tail
	}
	count := func(head, format, tail string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; b.Len() < maxFileBytes-len(tail)-len(format)-20; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String() + tail
	}
	spout := "name: t\nspouts: {s: {command: [a], output: [x]}}\nbolts:\n"
	for what, text := range map[string]string{
		"brackets":       fill("", "[", ""),
		"dashes":         fill("", "- ", ""),
		"keys":           count("", "k%d: 1\n", ""),
		"tag directives": count("", "%%TAG !a%d! b\n", "--- a\n"),
		"alias levels":   count("a0: &a0 [x]\n", "b%[1]d: &a%[1]d [*a0, *a0]\n", ""),
		"alias deep": "a0: &a0 [x]\n" + func() string { // each one level deeper than the last
			var b strings.Builder
			for i := range 20000 {
				fmt.Fprintf(&b, "a%d: &a%d [*a%d]\n", i+1, i+1, i)
			}
			return b.String()
		}(),
		"merges":     count("a: &a {x: 1}\n", "b%d: {<<: [*a, *a, *a]}\n", ""),
		"components": count(spout, "  b%d: {command: [b], inputs: [nobody]}\n", ""),
		"wrong sources": "name: t\nspouts:\n" + func() string {
			var b strings.Builder
			b.WriteString("  s: {command: [a], output: [x]}\nbolts:\n")
			for i := range maxComponents - 1 {
				fmt.Fprintf(&b, "  a-rather-long-name-of-a-component-%d: {command: [b], inputs: [%s]}\n", i, strings.Repeat("a-rather-long-name-of-a-componen, ", 20))
			}
			return b.String()
		}(),
		"grouped by all": func() string {
			var b strings.Builder
			b.WriteString("name: t\nspouts: {s: {command: [a], output: {")
			for i := range 40 {
				fmt.Fprintf(&b, "o%d: &f%d [x", i, i)
				for k := range 600 {
					fmt.Fprintf(&b, ", same-beginning-%d", k)
				}
				b.WriteString("], ")
			}
			b.WriteString("}}}\nbolts: {b: {command: [a], inputs: [")
			for i := range 250 {
				fmt.Fprintf(&b, "{from: s, stream: o%d, group: {fields: *f%d}}, ", i%40, i%40)
			}
			return b.String() + "]}}\n"
		}(),
		"fields":      count("name: t\nspouts: {s: {command: [a], output: [", "f%d, ", "x]}}\n"),
		"long name":   fill("name: ", "x", "\n"),
		"long number": fill("name: t\nspouts: {s: {command: [a], parallelism: ", "1", "}}\n"),
	} {
		t.Run(what, func(t *testing.T) {
			start := time.Now()
			_, err := Load("h.yaml", []byte(text))
			if err == nil {
				t.Fatal("it was taken for valid")
			}
			checkErrors(t, err)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %s", took)
			} else {
				t.Logf("%s, %s", took, strings.SplitN(err.Error(), "\n", 2)[0])
			}
		})
	}
}

// TestLargest tests that a topology at the limits loads, and is drawn and written in reasonable time.
func TestLargest(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString("name: large\nspouts:\n  s: {command: [a], output: [x]}\nbolts:\n")
	for i := range maxComponents - 1 {
		fmt.Fprintf(&b, "  b%d: {command: [a], inputs: [s, b%d], output: [x]}\n", i, (i+1)%(maxComponents-1))
	}
	top, err := Load("l.yaml", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := len(Cycles(top)); got != maxComponents-1 {
		t.Errorf("%d edges in the cycle", got)
	}
	if got := len(StopOrder(top)); got != 2 {
		t.Errorf("%d groups", got)
	}
	roundTrip(t, top)
	if lines := strings.Count(Graph(top), "\n"); lines < 3*maxComponents {
		t.Errorf("a drawing of %d lines", lines)
	}
}
