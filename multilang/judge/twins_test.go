package judge_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/judge"
	"github.com/polybolt/polybolt/shells"
)

// twins are the components written on Storm's libraries, on our modules of the
// same interface, which speak our own protocol.
var twins = []library{
	{"storm.py", []string{"python3", "components.py"}, "storm.py", judge.Storm{}, lacking(ticked(map[string]string{
		"held": "it reports an error .*1 is odd", // there is no fail with an error
	}))},
	{"storm.js", []string{"node", "components.js"}, "storm.js", judge.Storm{}, lacking(ticked(map[string]string{
		"failed": `its kind is "fail"`, // done(err) is how a tuple fails
	}))},
	{"streamparse", []string{"python3", "on_pystorm.py", "json"}, "", judge.Storm{}, lacking(map[string]string{
		"held": "it reports an error .*1 is odd", // there is no fail with an error
		// Its split asks for task ids.
		"order": askedFor, "covered": askedFor, "chunks": askedFor, "cut-in-a-character": askedFor,
		// Its spouts have no end.
		"spout": endless, "spout-many": endless, "spout-hooks": stops, "spout-deactivated": stops,
	})},
}

const (
	askedFor = "is to ask for task ids: false"
	endless  = "was not answered to its end"
	stops    = `the next is \["stop"\]`
)

// lacking adds what components on all of these interfaces fail: there is no end to act on, and
// no row that is given up.
func lacking(own map[string]string) map[string]string {
	own["anchors"] = "row 2:1 was not acked"
	own["count-on-stop"] = "0 of 3 rows came"
	own["printing"] = "printed while loading"
	own["reports"] = "it reports an error|it reported no error"
	own["spout-ids"] = `the next is \["dead", 0\]`
	return own
}

// ticked adds what those on Storm's own fail: a tick is a tuple like others, a spout has a fail of its own.
func ticked(own map[string]string) map[string]string {
	for _, name := range []string{"spout", "spout-many", "spout-hooks", "spout-end-of-stdin", "spout-deactivated"} {
		own[name] = "replays is true"
	}
	own["later-version"] = `\[1\], is not \["c"\]`
	return own
}

// Our modules of the interfaces of Storm's libraries are held to our protocol. What the
// components on them fail by what those interfaces lack is in the table above.
func TestStormTwins(t *testing.T) {
	for _, l := range twins {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			for _, tr := range load(t) {
				if tr.Component == judge.Any {
					continue // these are about what our SDKs do below any component
				}
				t.Run(tr.Name, func(t *testing.T) {
					t.Parallel()
					if l.name == "storm.js" && (tr.Name == "prefix" || tr.Name == "end-while-busy") {
						t.Skip("its component blocks Node's only thread: whether rows before it are told of in time is chance")
					}
					patience := time.Minute
					if l.nature[tr.Name] != "" {
						patience = 5 * time.Second // some of it is waited for in vain
					}
					r, err := judge.Play(t.Context(), tr, multilang.Columns, l.startTwin(t), judge.Options{Scratch: t.TempDir(), Patience: patience})
					if err != nil {
						t.Fatal(err)
					}
					l.judge(t, r)
				})
			}
		})
	}
}

// startTwin starts a component as the host starts one whose library is not there;
// of those on pystorm the import line is changed.
func (l *library) startTwin(t *testing.T) judge.Start {
	t.Helper()
	code, err := os.ReadFile(filepath.Join("../testdata/components/storm", l.command[1]))
	if err != nil {
		t.Fatal(err)
	}
	code = bytes.Replace(code, []byte("from pystorm import"), []byte("from polybolt.compat.streamparse import"), 1)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, l.command[1]), code, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(component string, _ multilang.Level, h judge.Handlers) (judge.Process, error) {
		if !l.has(string(code), component) {
			return nil, fmt.Errorf("%w: %s", judge.ErrUnknown, component)
		}
		child, err := shells.Start(shells.Spec{
			Name: l.name + "/" + component, Command: l.command, Dir: dir, SDK: sdk,
			Env:        sdk.StormEnv(map[string]string{"POLYBOLT_COMPONENT": component}, l.file, true),
			Output:     func(b []byte) (int, int, error) { h.Output(b); return len(b), 0, nil },
			StderrLine: func(b []byte) { h.Stderr(append(append([]byte(nil), b...), '\n')) },
			Exited:     func(e shells.Exit) { h.Exited(e.Code, e.String()) },
		})
		return process{child}, err
	}
}
