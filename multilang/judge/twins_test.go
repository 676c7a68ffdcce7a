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

// twins are the components written on Storm's libraries, on our modules of the
// same interface, which speak our own protocol.
var twins = []library{
	{"storm.py", []string{"python3", "components.py"}, "storm.py", judge.Storm{}, lacking(map[string]string{
		"held": "it reports an error .*1 is odd", // there is no fail with an error
	})},
	{"storm.js", []string{"node", "components.js"}, "storm.js", judge.Storm{}, lacking(map[string]string{
		"failed": `its kind is "fail"`, // done(err) is how a tuple fails
	})},
}

// lacking adds what components on either interface fail: there is no end to act
// on, a tick is a tuple like others, a spout has no end and always a fail of its own.
func lacking(own map[string]string) map[string]string {
	for _, name := range []string{"spout", "spout-many", "spout-hooks", "spout-end-of-stdin", "spout-deactivated"} {
		own[name] = "replays is true"
	}
	own["anchors"] = "row 2:1 was not acked"
	own["count-on-stop"] = "0 of 3 rows came"
	own["later-version"] = `\[1\], is not \["c"\]`
	own["printing"] = "printed while loading"
	own["reports"] = "it reports an error|it reported no error"
	own["spout-ids"] = `the next is \["dead", 0\]`
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
					r, err := judge.Play(t.Context(), tr, multilang.Columns, l.startTwin(), judge.Options{Scratch: t.TempDir(), Patience: patience})
					if err != nil {
						t.Fatal(err)
					}
					l.judge(t, r)
				})
			}
		})
	}
}

// startTwin starts a component as the host starts one whose library is not there.
func (l *library) startTwin() judge.Start {
	dir, err := filepath.Abs("../testdata/components/storm")
	var code []byte
	if err == nil {
		code, err = os.ReadFile(filepath.Join(dir, l.command[1]))
	}
	return func(component string, _ multilang.Level, h judge.Handlers) (judge.Process, error) {
		if err != nil || !l.has(string(code), component) {
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
