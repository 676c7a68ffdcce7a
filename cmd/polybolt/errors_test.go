package main

import (
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
)

// failing is a component's errors, with two of the same kind, an hour ago and now.
func failing() api.Failure {
	first := api.Occurrence{
		Time: time.Now().Add(-time.Hour), Task: 2, Host: "m1", Message: "'x'", From: "lines", Tuple: `{"line": "x"}`, Attempt: 1, Worker: "0123.0.0",
		Traceback: "Traceback (most recent call last):\n  File \"work.py\", line 3, in work\nKeyError: 'x'\n",
	}
	last := first
	last.Time, last.Message, last.Tuple = time.Now().Add(-time.Minute), "'y'", `{"line": "y"}`
	last.Traceback = "Traceback (most recent call last):\n" + strings.Repeat("  File \"work.py\", line 9, in deep\n", 20) + "KeyError: 'y'\x1b[2J\n"
	return api.Failure{Component: "work", Kind: "exception", Type: "KeyError", Place: "work.py:3", Count: 7, Version: 3, Occurrence: last, First: &first}
}

// The first error of a kind is told whole below the last, and runs that do not
// serve are named.
func TestErrorsInWords(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	exit := api.Failure{Component: "work", Kind: "exit", Type: "exit code 1", Count: 1, Version: 4, Occurrence: api.Occurrence{Task: 2, Host: "m1", Message: "exit code 1, before it was ready"}}
	printErrors(&b, []api.ComponentErrors{
		{Component: "work", Run: 5, Version: 3, Was: api.Serves, Count: 9, Errors: []api.Failure{failing(), exit}},
		{Component: "work", Run: 6, Version: 4, Was: api.GivenUp, Count: 1, Errors: []api.Failure{exit}},
	})
	text := b.String()
	at := 0
	for _, want := range []string{
		"work: 9 errors\n", " (7 times): KeyError: 'y'\n", "    tuple of lines {\"line\": \"y\"}, attempt 1, slot 0123.0.0, version 3\n    Traceback", `KeyError: 'y'\x1b[2J`,
		"    the first of them:\n", "task 2 on m1: KeyError: 'x'\n      tuple of lines {\"line\": \"x\"}", "      KeyError: 'x'\n", "  …\n", "exit code 1, before it was ready\n", "work (run 6, version 4, given up): 1 error\n",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("%q is missing, or not in its place:\n%s", want, text)
		}
		at += i
	}
}

// A status says of each component how often it failed and how last, and shows
// the end of the last traceback.
func TestErrorsInStatus(t *testing.T) {
	t.Parallel()
	f := failing()
	var b strings.Builder
	statusTable(&b, &api.Status{
		Topology: api.Topology{Name: "flaky", State: "active", Run: 5, Version: 3},
		Components: []api.ComponentStatus{
			{Component: "lines", Kind: "spout", Tasks: 1, Ready: 1, State: "ready"},
			{Component: "work", Kind: "bolt", Tasks: 2, Ready: 2, State: "ready", Errors: 413, LastError: &api.ErrorLine{Time: f.Time, Text: "KeyError: 'y'"}},
		},
		LastError: &api.LastError{Run: 5, Was: api.Serves, Failure: f},
	})
	text := b.String()
	for _, want := range []string{"413", "1m ago: KeyError: 'y'", "\nlast error, 1m ago, work, task 2 on m1:\n  …\n", `  KeyError: 'y'\x1b[2J` + "\n", "polybolt errors flaky\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if lines := strings.Count(text, "in deep"); lines != lastLines-1 || t.Failed() {
		t.Errorf("%d lines of the traceback:\n%s", lines, text)
	}
}
