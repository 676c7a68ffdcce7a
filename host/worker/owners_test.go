package worker

import (
	"testing"

	"github.com/polybolt/polybolt/host/acker"
	"github.com/polybolt/polybolt/host/topology"
)

// A worker is gone, and only then its trees' owner hears that it had got rows
// of them, or that such were to go there: they fail at once, not by the timeout.
func TestEdgesAtAWorkerThatIsGone(t *testing.T) {
	t.Parallel()
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 20, 3: 30, 4: 20, 5: 20, 6: 30, 7: 30})
	owner := m.add(10, acrossWorkers)
	for _, id := range []uint64{20, 30} {
		m.add(id, acrossWorkers).cancel = func() {}
	}
	m.plan()
	m.workers[30].kill()
	m.plan()
	l := owner.localLedgers()[0]
	in := owner.Arrive(func(byte, []byte) {})
	for n, message := range []struct {
		what string
		typ  byte
		body func(u []acker.Update) []byte
	}{
		{"got", msgUpdates, func(u []acker.Update) []byte { return appendUpdates(nil, 1, 30, 0, u) }},
		{"to go there", msgMoves, func(u []acker.Update) []byte { return appendUpdates(nil, 1, 20, 30, u) }},
		{"gone on", msgMoves, func(u []acker.Update) []byte { return appendUpdates(nil, 1, 30, 20, u) }},
	} {
		roots, edges := l.keep(kept{n: 1}, nil, nil)
		if err := in.Take(message.typ, message.body([]acker.Update{{Root: roots[0], Xor: edges[0] ^ 1}})); err != nil {
			t.Fatal(err)
		}
		if want := min(int64(n+1), 2); l.sum.Failed != want {
			t.Errorf("%s: %d trees have failed, want %d", message.what, l.sum.Failed, want)
		}
	}
}
