package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
)

// machine is where workers of a topology leave their histories.
type machine struct {
	t    *testing.T
	logs string
	now  time.Time
}

// worker returns what a worker remembers that begins now: of a run of a version,
// in a slot, beside others of the run in slots of this machine and on another one.
func (m *machine) worker(run, version, at int, slots ...int) *Past {
	m.t.Helper()
	place := func(s int) cluster.Place {
		return cluster.Place{Supervisor: "0123456789ab", Slot: s, Lane: run % 2}
	}
	a := &cluster.Assignment{Workers: []cluster.Worker{{Place: cluster.Place{Supervisor: "ba9876543210", Slot: 0}}}}
	for _, s := range slots {
		a.Workers = append(a.Workers, cluster.Worker{Place: place(s)})
	}
	p := NewPast(place(at).String(), "here", run)
	if err := p.load(filepath.Join(m.logs, place(at).Local(), slot.HistoryFile)); err != nil {
		m.t.Fatal(err)
	}
	p.expect(&cluster.Run{Version: version, Bundle: cluster.Bundle{Hash: blob.Hash("h")}}, a, place(at), m.now)
	return p
}

// works has tasks of a component, given by id and index, receive n rows each.
func (m *machine) works(p *Past, n int64, tasks ...[2]int) {
	f := &api.WorkerFigures{Started: p.will.since, Acked: n}
	for _, t := range tasks {
		f.Tasks = append(f.Tasks, api.TaskFigures{Component: "split", Task: topology.TaskID(t[0]), Index: t[1], Received: n})
	}
	p.Add(m.now, f)
}

// saves writes what a worker remembers at a time, and returns it.
func (m *machine) saves(p *Past, final bool) *api.KeptHistory {
	m.t.Helper()
	b, err := p.Kept(final)
	if err != nil {
		m.t.Fatal(err)
	}
	file := filepath.Join(m.logs, p.will.at.Local(), slot.HistoryFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Chtimes(file, m.now, m.now); err != nil {
		m.t.Fatal(err)
	}
	var k api.KeptHistory
	if err := json.Unmarshal(b, &k); err != nil {
		m.t.Fatal(err)
	}
	return &k
}

func (m *machine) inherits(p *Past) bool {
	m.t.Helper()
	if err := p.inherit(m.logs); err != nil {
		m.t.Fatal(err)
	}
	return p.inherited()
}

// A rebalance keeps what tasks have done that stay on the machine, whatever
// their ids and places are now, once the workers before have ended; it counts
// everything once, over restarts too.
func TestRebalanceKeepsHistory(t *testing.T) {
	t.Parallel()
	m := &machine{t, t.TempDir(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	began := m.now
	old0, old1 := m.worker(1, 7, 0, 0, 1), m.worker(1, 7, 1, 0, 1)
	m.now = m.now.Add(time.Minute)
	m.works(old0, 100, [2]int{2, 0})
	m.works(old1, 50, [2]int{3, 1})
	m.saves(old0, false)
	m.saves(old1, false)

	// One worker in place of two, and a third task; ids have moved.
	m.now = m.now.Add(time.Minute)
	p := m.worker(2, 7, 1, 1)
	m.works(p, 1, [2]int{5, 0}, [2]int{6, 1}, [2]int{7, 2})
	if m.inherits(p) {
		t.Error("it inherits from the living")
	}
	m.now = m.now.Add(time.Minute)
	m.works(old0, 110, [2]int{2, 0})
	m.saves(old0, true)
	m.saves(old1, true)
	if !m.inherits(p) || m.inherits(p) {
		t.Error("it inherits not at all, or twice")
	}
	check := func(k *api.KeptHistory, worker int64, tasks ...int64) {
		t.Helper()
		if k.Worker.All.Counts["acked"] != worker || len(k.Tasks) != len(tasks) {
			t.Fatalf("%+v", k)
		}
		for i, want := range tasks {
			if got := k.Tasks[i].All.Counts["received"]; got != want {
				t.Errorf("task %d has received %d, not %d", k.Tasks[i].Task, got, want)
			}
		}
	}
	k := m.saves(p, false)
	check(k, 161, 111, 51, 1)
	if !k.Tasks[0].Began.Equal(began) || k.Tasks[2].Began.Equal(began) || !k.Worker.Began.Equal(began) || len(k.Tasks[0].Points[0]) < 2 {
		t.Errorf("%+v", k)
	}

	// The worker dies, and the next one there goes on.
	m.now = m.now.Add(time.Minute)
	p = m.worker(2, 7, 1, 1)
	m.works(p, 4, [2]int{5, 0}, [2]int{6, 1}, [2]int{7, 2})
	if m.inherits(p) {
		t.Error("it inherits again")
	}
	check(m.saves(p, true), 165, 115, 55, 5)

	// Who begins when the others are dead is another topology; and other code begins anew.
	m.now = m.now.Add(time.Minute)
	p = m.worker(3, 7, 1, 1)
	m.works(p, 9, [2]int{5, 0})
	if m.inherits(p) {
		t.Error("it inherits from one that was killed before")
	}
	check(m.saves(p, false), 9, 9)
	p = m.worker(4, 8, 0, 0)
	m.works(p, 9, [2]int{5, 0})
	m.saves(m.worker(3, 7, 1, 1), true)
	if m.inherits(p) {
		t.Error("it inherits from other code")
	}
}
