package worker

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

const acrossWorkers = `
name: t
config: {message_timeout: 3s}
spouts:
  numbers:
    component: numbers
    output: [n, text]
bolts:
  pass:
    component: pass
    parallelism: 2
    inputs: [numbers]
    output: [n, text]
  keyed:
    component: pass
    parallelism: 3
    inputs:
      - {from: pass, group: {fields: [n]}}
    output: [n, text]
  sink:
    component: sink
    inputs: [keyed]
`

// eventually polls until ok, or fails.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// distinctRows reads all sinks' files and returns how often each row came.
func (m *mesh) rows() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := map[string]int{}
	for _, n := range m.workers {
		b, err := os.ReadFile(filepath.Join(n.dir, "sink"))
		if err != nil {
			continue
		}
		for _, r := range strings.Fields(string(b)) {
			rows[r]++
		}
	}
	return rows
}

func TestAcrossWorkers(t *testing.T) {
	t.Parallel()
	// Tasks: numbers 1, pass 2 3, keyed 4 5 6, sink 7.
	m := newMesh(t, map[topology.TaskID]uint64{1: 10, 2: 10, 3: 20, 4: 20, 5: 10, 6: 30, 7: 30})
	for _, id := range []uint64{10, 20, 30} {
		m.add(id, acrossWorkers)
	}
	m.plan()
	for _, n := range m.workers {
		n.start()
	}
	spout := m.workers[10]
	eventually(t, "all trees are done", func() bool { return spout.Summary().Acked == 10_000 })
	if s := spout.Summary(); s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	rows := m.rows()
	if len(rows) != 10_000 {
		t.Errorf("%d rows", len(rows))
	}
	for r, n := range rows {
		if n != 1 {
			t.Errorf("row %s came %d times", r, n)
		}
	}
	for id, n := range m.workers {
		for _, f := range n.Snapshot().Tasks {
			if f.Kind == topology.Bolt && f.Received == 0 {
				t.Errorf("worker %d: %s[%d] got nothing", id, f.Component, f.Index)
			}
		}
	}
}

func TestALostWorkerLosesNoRow(t *testing.T) {
	t.Parallel()
	places := map[topology.TaskID]uint64{1: 10, 2: 10, 3: 20, 4: 20, 5: 10, 6: 20, 7: 10}
	m := newMesh(t, places)
	first := m.add(10, acrossWorkers)
	second := m.add(20, acrossWorkers)
	m.plan()
	first.start()
	second.start()
	eventually(t, "rows flow", func() bool { return first.Summary().Acked > 1000 })
	second.kill()
	third := m.add(30, acrossWorkers)
	m.places = maps.Clone(places)
	for task, w := range m.places {
		if w == 20 {
			m.places[task] = 30
		}
	}
	m.plan()
	third.start()
	eventually(t, "all trees are done", func() bool { return first.Summary().Acked == 10_000 })
	if rows := m.rows(); len(rows) != 10_000 {
		t.Errorf("%d rows", len(rows))
	}
	s := first.Snapshot()
	// Rows that the lost worker had promised to others and not sent yet are found by the timeout.
	if s.Summary.Dead != 0 {
		t.Errorf("%+v %v", s.Summary, s.ByCause)
	}
}

func TestATaskMovesWithoutDisturbingTheOthers(t *testing.T) {
	t.Parallel()
	places := map[topology.TaskID]uint64{1: 10, 2: 10, 3: 20, 4: 20, 5: 10, 6: 20, 7: 10}
	m := newMesh(t, places)
	first := m.add(10, acrossWorkers)
	second := m.add(20, acrossWorkers)
	m.plan()
	first.start()
	second.start()
	eventually(t, "rows flow", func() bool { return first.Summary().Acked > 1000 })
	m.places = maps.Clone(places)
	m.places[6], m.places[5] = 10, 20
	m.plan()
	eventually(t, "all trees are done", func() bool { return first.Summary().Acked == 10_000 })
	if rows := m.rows(); len(rows) != 10_000 {
		t.Errorf("%d rows", len(rows))
	}
	for _, n := range m.workers {
		for _, f := range n.Snapshot().Tasks {
			if f.Restarts != 0 {
				t.Errorf("%s[%d] was restarted", f.Component, f.Index)
			}
		}
	}
}
