package logview

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/api"
)

func TestParse(t *testing.T) {
	t.Parallel()
	before := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	at := before.Add(time.Minute)
	for name, c := range map[string]struct {
		line string
		want api.LogLine
	}{
		"a component's": {
			`{"time":"2030-01-01T00:01:00Z","level":"WARN","msg":"a \"word\"","topology":"words","run":3,"slot":"0.1","component":"split","task":7,"pid":99,"logger":"nltk"}`,
			api.LogLine{Time: at, Level: "WARN", Text: `a "word"`, Run: 3, Component: "split", Task: 7, PID: 99, Logger: "nltk"},
		},
		"a printed one":          {`{"time":"2030-01-01T00:01:00Z","level":"INFO","msg":"hello","component":"split","raw":true}`, api.LogLine{Time: at, Text: "hello", Component: "split"}},
		"the worker's":           {`{"time":"2030-01-01T00:01:00Z","level":"INFO","msg":"ending","server":"a:1","id":9007199254740993}`, api.LogLine{Time: at, Level: "INFO", Text: "ending", More: map[string]any{"server": "a:1", "id": json.Number("9007199254740993")}}},
		"a panic's":              {"goroutine 1 [running]:", api.LogLine{Time: before, Text: "goroutine 1 [running]:"}},
		"a broken one":           {`{"time":"2030-01-01`, api.LogLine{Time: before, Text: `{"time":"2030-01-01`}},
		"JSON of somebody else":  {`{"task":"a","pid":[1]}`, api.LogLine{Time: before, More: map[string]any{"task": "a", "pid": []any{json.Number("1")}}}},
		"what is not even UTF-8": {"\xff\xfe", api.LogLine{Time: before, Text: "\ufffd"}},
		"nothing":                {"", api.LogLine{Time: before}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, parse([]byte(c.line), before)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The quick look lets every line of a component pass that a logger writes, and the second look no other.
func TestFilter(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	log.Info("mine", "component", "split")
	log.Info("another's", "component", "splitter")
	log.Info(`"component":"split"`, "component", "count")
	log.Info("nested", "component", "count", slog.Group("more", "component", "split"))
	log.Info("the worker's")
	f := newFilter(api.LogQuery{Component: "split"}, "here")
	var got []string
	for line := range strings.Lines(b.String()) {
		if !f.pass([]byte(line)) {
			continue
		}
		if l := parse([]byte(line), time.Time{}); f.Wants(&l) {
			got = append(got, l.Text)
		}
	}
	if diff := cmp.Diff([]string{"mine"}, got); diff != "" {
		t.Error(diff)
	}
}

// The quick look lets all lines pass that the closer one takes.
func TestQuickLook(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError + 2} {
		log.Log(t.Context(), level, "A word, and <another>: \"é\"", "component", "split", "level", "x", "of", "key-7", "path", `C:\\x`)
	}
	b.WriteString("goroutine 1 [running]:\n{not JSON, a word\n")
	for _, level := range append([]string{""}, api.LogLevels...) {
		for _, search := range []string{"", "a word", "A WORD", "<another>", "é", `"`, `\x`, "key-7", "HERE", "her", "running", "nowhere", "JSON"} {
			q := api.LogQuery{Level: level, Search: search}
			f := newFilter(q, "here")
			for line := range strings.Lines(b.String()) {
				l := parse([]byte(strings.TrimSuffix(line, "\n")), time.Time{})
				l.Host = "here"
				if q.Wants(&l) && !f.pass([]byte(line)) {
					t.Errorf("level %q, search %q: %s is lost", level, search, line)
				}
			}
		}
	}
}

// However a text arrives, its lines are the same.
func FuzzLines(f *testing.F) {
	f.Add("one\ntwo\n\nthree", 1)
	f.Add(strings.Repeat("x", 40)+"\ny\n", 7)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 1 || limit > 1000 {
			return
		}
		var want []string
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			want = append(want, line[:min(len(line), limit)])
		}
		for _, l := range []*lines{newLines(strings.NewReader(text)), newLines(iotest.OneByteReader(strings.NewReader(text))), newLines(iotest.HalfReader(strings.NewReader(text)))} {
			l.limit = limit
			var got []string
			add := func(line []byte) { got = append(got, string(line)) }
			if err := l.all(add); err != nil {
				t.Fatal(err)
			}
			l.end(add)
			if strings.HasSuffix(text, "\n") || text == "" || len(want) == len(got) {
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			} else {
				t.Errorf("%q, not %q", got, want)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"time":"2030-01-01T00:01:00Z","level":"WARN","msg":"a","task":1e9}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if _, err := json.Marshal(parse(line, time.Time{})); err != nil {
			t.Error(err)
		}
	})
}
