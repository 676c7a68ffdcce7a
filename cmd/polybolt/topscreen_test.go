package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
)

func TestTopOrders(t *testing.T) {
	t.Parallel()
	rates := []Rate{
		{Component: "a", PerSecond: 5, InFlight: 1, Failed: 3, P99: time.Second},
		{Component: "b", PerSecond: 9, InFlight: 1, Errors: 2, Restarts: 1},
		{Component: "c", PerSecond: 7, InFlight: 8, Failed: 4, P50: time.Minute},
	}
	for keys, want := range map[string]string{
		"": "abc", "r": "bca", "i": "cab", "f": "cab", "e": "bac", "s": "bac", "m": "cab", "l": "abc", "rR": "acb", "rRR": "bca", "rRi": "cab", "rn": "abc", "x?\x7f": "abc", "R": "cba",
	} {
		var v topView
		for _, key := range []byte(keys) {
			if v.press(key) {
				t.Errorf("%q ends it", key)
			}
		}
		list := append([]Rate{}, rates...)
		v.sort(list)
		got := ""
		for _, r := range list {
			got += string(r.Component)
		}
		if got != want {
			t.Errorf("after %q it is %s, and not %s", keys, got, want)
		}
	}
	for sent, want := range map[string]string{"rq": "rq", "\x1b[Ar": "r", "r\x1b[1;5C\x1bOPR": "rR", "\x1b": "", "\x1b[": ""} {
		if got := string(plainKeys([]byte(sent))); got != want {
			t.Errorf("of %q the keys are %q", sent, got)
		}
	}
	var v topView
	if !v.press('q') || !v.press(3) {
		t.Error("q and Ctrl-C do not end it")
	}
	if _, err := v.by("colour"); err == nil || !strings.Contains(err.Error(), "there are name, rate, ") {
		t.Error(err)
	}
}

// Whatever there is fits the screen, and what does not is told.
func TestTopFitsTheScreen(t *testing.T) {
	t.Parallel()
	text := screenful(strings.Repeat("a line that is longer than the screen is wide\n", 30), "keys", 20, 10)
	s := screen{width: 20, lines: []string{""}}
	s.write(text)
	lines := strings.Split(strings.TrimSpace(s.text()), "\n")
	if len(lines) != 10 || lines[0] != "keys" || lines[1] != "a line that is longe" || lines[9] != "… 22 more lines: mak" {
		t.Errorf("%d lines:\n%s", len(lines), s.text())
	}
	s.write(screenful("short\n", "keys", 20, 10)) // nothing is left of what stood there
	if got := strings.TrimSpace(s.text()); got != "keys\nshort" {
		t.Errorf("then:\n%s", got)
	}
}

// On a terminal top is sorted by keys, lives through a time without a leader, and leaves with q.
func TestTopOnTerminal(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	var asked atomic.Int64
	nimbus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			api.WriteError(w, api.Errorf(api.CodeNoLeader, "no nimbus leads"))
			return
		}
		n := asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(api.Figures{Workers: []api.WorkerFigures{{Time: time.Unix(1_900_000_000+n, 0), Tasks: []api.TaskFigures{
			{Component: "slow", Task: 1, State: "running", Received: n}, {Component: "quick", Task: 2, State: "running", Received: 9 * n, Failed: 4},
		}}}})
	}))
	defer nimbus.Close()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("a token that is long enough for a test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := startOnTerminal(t, dir, 150, 20, "top", "words", "--every", "100ms", "--nimbus", nimbus.URL, "--token-file", token)
	order := func(first, second string) {
		t.Helper()
		eventually(t, first+" before "+second, func() bool {
			text := o.text()
			a, b := strings.Index(text, first), strings.Index(text, second)
			return a >= 0 && b > a
		})
	}
	press := func(key string) {
		t.Helper()
		if _, err := o.file.WriteString(key); err != nil {
			t.Fatal(err)
		}
	}
	order(" slow ", " quick ")
	o.shows("sorted by name")
	press("r")
	order(" quick ", " slow ")
	o.shows("sorted by rate")
	press("\x1b[A") // an arrow, which is no key of it
	press("R")
	o.shows("sorted by rate, reversed")
	order(" slow ", " quick ")
	away.Store(true)
	o.shows("as of the last answer: no nimbus leads")
	away.Store(false)
	eventually(t, "it goes on", func() bool { return !strings.Contains(o.text(), "as of the last answer") })
	press("q")
	if code := o.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
