package worker

import (
	"errors"
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

// A worker that has heard of more incarnations of spout tasks than there are
// numbers for ends with an error, to be started again; it does not crash.
func TestOwnersRunOut(t *testing.T) {
	t.Parallel()
	l := spoutLedger(t)
	w := l.w
	full := append(*w.owners.list.Load(), make([]owner, maxOwners-1)...)
	w.owners.list.Store(&full)
	if n, err := w.owners.of(l.t.id, w.self, l); n != l.owner || err != nil {
		t.Errorf("one that has a number: %d, %v", n, err)
	}
	if _, err := newTask(w, l.t.comp, l.t.comp.all[0]); !errors.Is(err, errOwners) {
		t.Errorf("a task that comes back: %v", err)
	}
	batch := testBatch(1)
	head := le.AppendUint64(le.AppendUint32(le.AppendUint16(le.AppendUint16(nil, 1), 3), uint32(l.t.id)), 99)
	root := le.AppendUint64(le.AppendUint64(nil, 3<<48|1<<24|7), 12345)
	c := &cut{b: append(append(head, root...), 0, 0, 0, 0)}
	w.trees(c, batch)
	if c.err != nil || len(batch.Roots) != 1 || batch.Roots[0] != 0 {
		t.Errorf("%v, %v", c.err, batch.Roots)
	}
	if err := w.Run(t.Context()); !errors.Is(err, errOwners) {
		t.Errorf("the worker goes on: %v", err)
	}
}
