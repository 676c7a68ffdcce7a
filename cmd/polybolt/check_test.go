package main

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/polybolt/polybolt/multilang/judge"
	"github.com/polybolt/polybolt/tools/program"
)

// startCheck starts polybolt check -o json in a folder. Programs have long to
// start: many do at the same time.
func startCheck(t *testing.T, dir string, args ...string) *program.Program {
	t.Helper()
	return start(t, dir, append([]string{"check", "-o", "json", "--startup", "80s"}, args...)...)
}

// found waits for the end and returns what it found.
func found(t *testing.T, p *program.Program) (*checkReport, int) {
	t.Helper()
	code := p.Wait()
	stdout, stderr := p.Output()
	var report checkReport
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v; exit code %d, stdout:\n%s\nstderr:\n%s", err, code, stdout, stderr)
	}
	return &report, code
}

// Each program is wrong in one way, and is told the sentence that it breaks.
func TestCheckNamesTheSentence(t *testing.T) {
	wrong, err := filepath.Abs("testdata/check/wrong.py")
	if err != nil {
		t.Fatal(err)
	}
	sentences := map[string]string{}
	for _, r := range judge.Rules() {
		sentences[r.ID] = r.Sentence
	}
	for _, sin := range []struct {
		name, transcript, rule, what string
		startup, patience            string // short where it is waited in vain
	}{
		{name: "magic", transcript: "hello", rule: "magic", what: "no hello", startup: "10s"},
		{name: "hello-map", transcript: "hello", rule: "hello.map", what: "no sdk"},
		{name: "ready-twice", transcript: "covered", rule: "ready", what: "second time"},
		{name: "prints", transcript: "covered", rule: "frame", what: "working on 1"},
		{name: "order", transcript: "order", rule: "order", what: "frame 1 comes first"},
		{name: "unknown-row", transcript: "covered", rule: "how3", what: "row 1:4711 was never sent"},
		{name: "ends", transcript: "covered", rule: "how2", what: "1 ends for 2 covered rows"},
		{name: "too-many-values", transcript: "covered", rule: "row", what: "row of 2 values"},
		{name: "buffers", transcript: "covered", rule: "covered", what: "row 1:0-1 was not acked", patience: "8s"},
		{name: "deaf-to-stop", transcript: "covered", rule: "covered", what: "did not end", patience: "8s"},
		{name: "deaf-to-end", transcript: "any-end-of-stdin", rule: "end", what: "did not end", patience: "8s"},
		{name: "forward", transcript: "any-later-version", rule: "ready", what: "has ended"},
		{name: "unknown-type", transcript: "any-unknown-message", rule: "unknown", what: "did not end", patience: "8s"},
		{name: "big-endian", transcript: "covered", rule: "how2", what: "33554432"},
		{name: "acks-twice", transcript: "covered", rule: "acked", what: "was acked before"},
		{name: "garbage", transcript: "any-broken-stream", rule: "error.stream", what: "did not end", patience: "8s"},
		{name: "no-beat", transcript: "any-beat", rule: "beat", what: "0 of 3 beats", patience: "8s"},
	} {
		t.Run(sin.name, func(t *testing.T) {
			t.Parallel()
			only := sin.transcript
			if only == "hello" {
				only = "covered"
			}
			report, code := found(t, startCheck(t, t.TempDir(), "--level", "rows", "--as", "any,split", "--only", only,
				"--startup", cmp.Or(sin.startup, "80s"), "--patience", cmp.Or(sin.patience, "60s"), "python3", wrong, sin.name))
			if code != exitFailure || len(report.Results) != 1 || report.Results[0].Transcript != sin.transcript || report.Results[0].Fault == nil {
				t.Fatalf("exit code %d, %+v", code, report.Results)
			}
			f := report.Results[0].Fault
			if f.Rule != sin.rule || !strings.Contains(f.What, sin.what) || f.Sentence == "" || f.Sentence != sentences[f.Rule] {
				t.Errorf("rule %s: %s; wanted %s: …%s…\nprinted: %s", f.Rule, f.What, sin.rule, sin.what, f.Printed)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		report, code := found(t, startCheck(t, t.TempDir(), "--as", "any,split", "--patience", "60s", "python3", wrong, "none"))
		if code != 0 || report.Failed != 0 || report.Passed < 10 {
			t.Errorf("exit code %d, %d passed, %d failed: %+v", code, report.Passed, report.Failed, report.Results)
		}
	})
}

// The same of components written for Storm, without a library.
func TestCheckNamesStormsSentence(t *testing.T) {
	wrong, err := filepath.Abs("testdata/check/wrongstorm.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, sin := range []struct {
		name, transcript, rule, what string
		patience                     string // short where it is waited in vain
	}{
		{name: "emits-first", transcript: "hello", rule: "storm.pid", what: "before its pid"},
		{name: "no-pid-file", transcript: "covered", rule: "storm.pid", what: "there is no file"},
		{name: "text-pid", transcript: "hello", rule: "storm.pid", what: "pid is not an integer"},
		{name: "named-level", transcript: "covered", rule: "storm.log", what: "not one of 0 to 4"},
		{name: "prints", transcript: "covered", rule: "storm.stdout", what: "it prints \"working on 2"},
		{name: "broken", transcript: "covered", rule: "storm.frame", what: "cannot be read"},
		{name: "acks-twice", transcript: "covered", rule: "storm.ack", what: "of 2, which was acked or failed before"},
		{name: "never-acks", transcript: "covered", rule: "storm.ack", what: "row 1:0-1 was not acked", patience: "5s"},
		{name: "acks-heartbeats", transcript: "hello", rule: "storm.heartbeat", what: "of the heartbeat 3"},
		{name: "ignores-heartbeats", transcript: "hello", rule: "storm.heartbeat", what: "did not answer a heartbeat", patience: "5s"},
		{name: "late-anchor", transcript: "covered", rule: "storm.anchors", what: "an anchor to 2, which was acked"},
		{name: "short-tuple", transcript: "covered", rule: "storm.tuple", what: "0 values on the stream"},
		{name: "other-stream", transcript: "covered", rule: "storm.tuple", what: "no stream \"words\""},
		{name: "no-list", transcript: "covered", rule: "storm.fields", what: "its tuple is not a list"},
		{name: "unknown-command", transcript: "covered", rule: "storm.command", what: "no command \"next\""},
		{name: "deaf-to-end", transcript: "any-rows", rule: "storm.end", what: "did not end", patience: "5s"},
		{name: "no-sync", transcript: "hello", rule: "storm.turn", what: "did not answer activate", patience: "5s"},
		{name: "two-syncs", transcript: "any-spout", rule: "storm.turn", what: "every turn has ended"},
		{name: "spout-acks", transcript: "any-spout", rule: "storm.ack", what: "a spout sent an ack"},
	} {
		t.Run(sin.name, func(t *testing.T) {
			t.Parallel()
			only := map[bool]string{true: "covered"}[sin.transcript == "hello"]
			report, code := found(t, startCheck(t, t.TempDir(), "--as", "any,split", "--only", cmp.Or(only, sin.transcript),
				"--level", "storm-json", "--patience", cmp.Or(sin.patience, "60s"), "python3", wrong, sin.name))
			if code != exitFailure || len(report.Results) != 1 || report.Results[0].Transcript != sin.transcript || report.Results[0].Fault == nil {
				t.Fatalf("exit code %d, %+v", code, report.Results)
			}
			f := report.Results[0].Fault
			if f.Rule != sin.rule || !strings.Contains(f.What, sin.what) || f.Document != "STORM.md" || f.Sentence == "" {
				t.Errorf("rule %s: %s; wanted %s: …%s…\nprinted: %s", f.Rule, f.What, sin.rule, sin.what, f.Printed)
			}
		})
	}
	t.Run("without --level", func(t *testing.T) {
		t.Parallel()
		report, _ := found(t, startCheck(t, t.TempDir(), "--patience", "60s", "python3", wrong, "text-pid"))
		if len(report.Results) != 1 || report.Results[0].Fault == nil || report.Results[0].Fault.Rule != "storm.pid" {
			t.Errorf("%+v", report.Results)
		}
	})
	for _, name := range []string{"none", "spout"} { // found out without --level
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, code := found(t, startCheck(t, t.TempDir(), "--patience", "60s", "python3", wrong, name))
			if code != 0 || report.Failed != 0 || report.Passed != 3 || report.Results[0].Level != "storm-json" {
				t.Errorf("exit code %d, %d passed, %d failed: %+v", code, report.Passed, report.Failed, report.Results)
			}
		})
	}
}

// What users start with, and our own SDKs' reference components, pass.
func TestCheckPasses(t *testing.T) {
	for _, c := range []struct {
		name, dir string
		passed    int
		args      []string
	}{
		{"the third language", "examples-python/third-language", 4, []string{"--as", "split", "perl", "split.pl"}},
		{"any Perl bolt", "examples-python/third-language", 7, []string{"--reads", "line", "--emits", "word", "perl", "split.pl"}},
		{"a Python bolt", "examples-python/wordcount", 14, []string{"--reads", "line", "--emits", "word", "python3", "split.py"}},
		{"a Python spout", "examples-python/wordcount", 6, []string{"--emits", "line", "--config", "path=text.txt", "python3", "lines.py"}},
		{"reference components", "multilang/testdata/components/perl", 41, []string{"perl", "{}.pl"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			report, code := found(t, startCheck(t, repository(c.dir), append([]string{"--patience", "60s"}, c.args...)...))
			if code != 0 || report.Failed != 0 || report.Passed != c.passed {
				t.Errorf("exit code %d, %d passed, %d failed: %+v", code, report.Passed, report.Failed, report.Results)
			}
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		text string
	}{
		{[]string{"--as", "splitter", "cat"}, "--as splitter: the transcripts have anchors, any, blocking"},
		{[]string{"--level", "seven", "cat"}, "--level seven: there are auto, columns, rows, storm-json, storm-msgpack"},
		{[]string{"--config", "path", "cat"}, "--config path: write KEY=VALUE"},
		{[]string{"perl", "nowhere/{}.pl"}, "none of the reference components is there: perl nowhere/{}.pl"},
		{nil, "an argument is missing"},
		{[]string{"no-such-program"}, "no-such-program"},
	} {
		p := start(t, t.TempDir(), append([]string{"check"}, c.args...)...)
		code := p.Wait()
		if _, stderr := p.Output(); code == 0 || !strings.Contains(stderr, c.text) {
			t.Errorf("%q: exit code %d, %s", c.args, code, stderr)
		}
	}
}

// Whoever closes the terminal in which a program is judged leaves nothing behind.
func TestCheckEndsWithItsTerminal(t *testing.T) {
	t.Parallel()
	dir, temp := t.TempDir(), t.TempDir()
	script := "import os, subprocess\n" +
		"child = subprocess.Popen(['sleep', '300'], start_new_session=True)\n" +
		"open(f'{os.getpid()}.new', 'w').write(str(child.pid))\n" +
		"os.rename(f'{os.getpid()}.new', f'{os.getpid()}.pid')\n" +
		"child.wait()\n"
	if err := os.WriteFile(filepath.Join(dir, "silent.py"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	p := startWith(t, dir, append(os.Environ(), "TMPDIR="+temp), "check", "--startup", "80s", "--level", "rows", "python3", "silent.py")
	var pids []string
	eventually(t, "the program runs", func() bool {
		pids, _ = filepath.Glob(filepath.Join(dir, "*.pid"))
		return len(pids) > 0
	})
	p.Signal(syscall.SIGHUP)
	if code := p.Wait(); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	pids, _ = filepath.Glob(filepath.Join(dir, "*.pid"))
	for _, file := range pids {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(string(b))
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "what the program has started is gone", func() bool { return syscall.Kill(pid, 0) != nil })
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
