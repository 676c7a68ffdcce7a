package judge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/judge"
	"github.com/polybolt/polybolt/shells"
)

// A language has the reference components in a folder of testdata/components.
type language struct {
	name        string
	ending      string
	interpreter string
	sdk         bool
	levels      []multilang.Level
}

var both = []multilang.Level{multilang.Rows, multilang.Columns}

var languages = []language{
	{"python", ".py", "python3", true, both},
	{"node", ".mjs", "node", true, both},
	{"perl", ".pl", "perl", false, []multilang.Level{multilang.Rows}},
}

// start starts a reference component of a folder as the host starts one.
func (l language) start(t *testing.T, folder string, spout bool) judge.Start {
	t.Helper()
	dir, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	return func(component string, level multilang.Level, h judge.Handlers) (judge.Process, error) {
		if component == judge.Any {
			component = "echo"
			if spout {
				component = "finishing"
			}
		}
		script := component + l.ending
		if _, err := os.Stat(filepath.Join(dir, script)); err != nil {
			return nil, judge.ErrUnknown
		}
		spec := shells.Spec{
			Name: l.name + "/" + component, Command: []string{l.interpreter, script}, Dir: dir,
			Env:        map[string]string{"POLYBOLT_LEVEL": level.String()},
			Output:     func(b []byte) (int, int, error) { h.Output(b); return len(b), 0, nil },
			StderrLine: func(b []byte) { h.Stderr(append(append([]byte(nil), b...), '\n')) },
			Exited:     func(e shells.Exit) { h.Exited(e.Code, e.String()) },
		}
		if l.sdk {
			spec.SDK = sdk
		}
		child, err := shells.Start(spec)
		return process{child}, err
	}
}

// process is a child as the judge knows it.
type process struct{ *shells.Child }

func (p process) Kill() { p.Child.Kill(fmt.Errorf("the conversation is over")) }

func load(t *testing.T) []*judge.Transcript {
	t.Helper()
	all, err := judge.Load(os.DirFS("../testdata/transcripts"), os.DirFS("../testdata/vectors"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTranscripts plays every transcript against every language at every level
// that it speaks: what the SDKs and a stranger's program agree on is the protocol.
func TestTranscripts(t *testing.T) {
	for _, l := range languages {
		for _, level := range l.levels {
			for _, tr := range load(t) {
				t.Run(fmt.Sprintf("%s/%s/%s", l.name, level, tr.Name), func(t *testing.T) {
					t.Parallel()
					if tr.Component == judge.Any && tr.Kind == "spout" {
						var err error
						if tr, err = tr.For(judge.Schema{Conf: map[string]any{"count": 7}}); err != nil {
							t.Fatal(err)
						}
					}
					play(t, tr, level, l.start(t, filepath.Join("../testdata/components", l.name), tr.Kind == "spout"))
				})
			}
		}
	}
}

// The example that users are to learn from is not one of the reference components.
func TestThirdLanguageExample(t *testing.T) {
	perl := languages[2]
	for _, tr := range load(t) {
		if tr.Component == "split" {
			t.Run(tr.Name, func(t *testing.T) {
				t.Parallel()
				play(t, tr, multilang.Rows, perl.start(t, "../../examples-python/third-language", false))
			})
		}
	}
}

func play(t *testing.T, tr *judge.Transcript, level multilang.Level, start judge.Start) {
	t.Helper()
	r, err := judge.Play(t.Context(), tr, level, start, judge.Options{Scratch: t.TempDir(), Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
}

func report(t *testing.T, r judge.Result) {
	t.Helper()
	switch r.Verdict {
	case judge.Skipped:
		t.Skip(r.Why)
	case judge.Failed:
		f := r.Fault
		t.Errorf("step %s\nwhat:     %s\nrule:     %s: %s\nmessage:  %s\nhex:      % x\nprinted:\n%s",
			r.Steps[f.Step].Step, f.What, f.Rule.ID, f.Rule.Sentence, f.Decoded, f.Frame[:min(len(f.Frame), 128)], r.Stderr)
	}
}
