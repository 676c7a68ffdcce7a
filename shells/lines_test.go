package shells

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// split feeds the pieces to a Lines and returns the lines.
func split(pieces ...string) (lines []string) {
	var l Lines
	emit := func(b []byte) { lines = append(lines, string(b)) }
	for _, p := range pieces {
		l.Write([]byte(p), emit)
	}
	l.Flush(emit)
	return lines
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", MaxLine)
	for _, test := range []struct {
		name string
		in   []string
		want []string
	}{
		{"nothing", nil, nil},
		{"two", []string{"a\nb\n"}, []string{"a", "b"}},
		{"an empty one", []string{"a\n\nb\n"}, []string{"a", "", "b"}},
		{"in pieces", []string{"a", "b", "\nc"}, []string{"ab", "c"}},
		{"Windows", []string{"a\r\nb\r\n"}, []string{"a", "b"}},
		{"Windows, torn", []string{"a\r", "\nb\r\n\r\n"}, []string{"a", "b", ""}},
		{"progress bar", []string{"\r10%\r20%", "\r\n"}, []string{"10%", "20%"}},
		{"at the bound", []string{long + "\n"}, []string{long}},
		{"cut", []string{long, "bc\nd\n"}, []string{long + " … [2 more bytes of this line dropped]", "d"}},
		{"cut inside a character", []string{long[1:] + "é!\n"}, []string{long[1:] + " … [3 more bytes of this line dropped]"}},
		{"text", []string{"\tgrüße 漢字 👩‍👩‍👧\n"}, []string{"\tgrüße 漢字 👩‍👩‍👧"}},
		{"not UTF-8", []string{"gr\xfc\xdfe\n"}, []string{`gr\xfc\xdfe`}},
		{"control", []string{"a\x00b\x07\u202ec\u0085\U000e0001\n"}, []string{`a\x00b\x07\u202ec\u0085\U000e0001`}},
		{"colours", []string{"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b]0;t\x1b\\y\n"}, []string{"red xy"}},
		{"half a sequence", []string{"a\x1b[\n\x1b[1\x01\n\x1b\n"}, []string{`a\x1b[`, `\x1b[1\x01`, `\x1b`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, split(test.in...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Where the stream is torn must not matter, nor what is in it.
func TestLinesWhereverTorn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.SampledFrom([]string{"a", "\n", "\r", "\r\n", "é", "\xff", "\x1b[1m", strings.Repeat("x", MaxLine-1)})).Draw(t, "text")
		whole := strings.Join(text, "")
		var pieces []string
		for rest := whole; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		got := split(pieces...)
		if diff := cmp.Diff(split(whole), got); diff != "" {
			t.Fatal(diff)
		}
		for _, line := range got {
			if !utf8.ValidString(line) || strings.ContainsAny(line, "\n\r\x1b") || len(line) > 4*MaxLine+100 {
				t.Fatalf("%q", line)
			}
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\x1b]0;\x1b\\\r\n\xff"), 3)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		at = max(0, min(at, len(b)))
		for _, line := range split(string(b[:at]), string(b[at:])) {
			if !utf8.ValidString(line) || strings.ContainsAny(line, "\n\r\x00\x1b") {
				t.Fatalf("%q", line)
			}
		}
	})
}

func BenchmarkLines(b *testing.B) {
	text := bytes.Repeat([]byte("2024-01-01 12:00:00 INFO something happened, and here is what\n"), 100)
	var l Lines
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		l.Write(text, func([]byte) {})
	}
}
