package host

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/process"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
)

// nobody observes an engine.
type nobody struct{}

func (nobody) Line(process.Line)       {}
func (nobody) Failure(api.Failure)     {}
func (nobody) State(process.TaskState) {}

// A worker that is ended before its time, because another has taken over or its
// spouts' last trees take too long, writes down what it still keeps.
func TestAnEngineThatIsEndedLeavesNothingBehind(t *testing.T) {
	t.Setenv("POLYBOLT_HOME", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	dir := t.TempDir()
	for name, text := range map[string]string{
		"topology.yaml": "name: t\nconfig: {max_pending: 10}\nspouts: {s: {command: [python3, s.py], output: [n]}}\nbolts: {b: {command: [python3, b.py], inputs: [s]}}\n",
		"s.py":          "from polybolt import spout\n@spout\ndef s():\n    for n in range(1000):\n        yield n\ns.run()\n",
		"b.py":          "from polybolt import Bolt\nclass B(Bolt):\n    auto_ack = False\n    def process(self, tup):\n        pass\nB.run()\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "topology.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	top, err := topology.Load("topology.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	place := cluster.Place{Supervisor: cluster.NewSupervisorID()}
	dead := filepath.Join(t.TempDir(), "dead.jsonl")
	e, err := newEngine(process.EngineOptions{
		Run: cluster.RunID{Topology: "t", Number: 1}, Incarnation: cluster.NewIncarnation(), Topology: top, Place: place, Bundle: dir,
		Assignment: cluster.Assignment{Epoch: 1, Workers: []cluster.Worker{{Place: place, Address: "127.0.0.1:0"}}, Tasks: []int{0, 0}},
		Scratch:    t.TempDir(), DeadFile: dead, Observer: nobody{},
	}, &slot.Spec{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	e.SetMode(cluster.Active)
	ctx, end := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); e.worker.Summary().Abandoned < 10; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %+v", e.worker.Summary())
		}
	}
	enough := errors.New("enough")
	end(enough)
	if err := <-ended; !errors.Is(err, enough) {
		t.Error(err)
	}
	lines, err := os.ReadFile(dead)
	if n := bytes.Count(lines, []byte(`"reason":"switched"`)); err != nil || n != 10 {
		t.Errorf("%d tuples in dead.jsonl: %v\n%s", n, err, lines)
	}
}
