package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/topology"
)

// A worker goes on from what the one before it remembered; a task that moved
// begins anew, and so does another run.
func TestPast(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history.json")
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var place cluster.Place
	figures := func(acked int64, tasks ...topology.TaskID) *api.WorkerFigures {
		f := &api.WorkerFigures{Started: now.Add(-time.Second), Acked: acked, FailedAt: []api.FailedAt{{Component: "split", Task: 2, Cause: "exception", N: acked / 10}, {Component: "split", Task: 3, Cause: "exception", N: acked / 10}}}
		for _, id := range tasks {
			f.Tasks = append(f.Tasks, api.TaskFigures{Component: "split", Task: id, Received: acked})
		}
		return f
	}
	kept := func(p *Past) *api.KeptHistory {
		t.Helper()
		b, err := p.Kept(false)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var k api.KeptHistory
		if err := json.Unmarshal(b, &k); err != nil {
			t.Fatal(err)
		}
		return &k
	}
	next := func(run int) *Past {
		t.Helper()
		p := NewPast(place.String(), "here", run)
		if err := p.load(file); err != nil {
			t.Fatal(err)
		}
		return p
	}

	p := next(1) // there is no file
	p.Add(now, &api.WorkerFigures{})
	if b, err := p.Kept(false); b != nil || err != nil {
		t.Errorf("before it has begun: %s, %v", b, err)
	}
	p.Add(now, figures(0, 2, 3))
	p.Add(now.Add(time.Minute), figures(100, 2, 3))
	p.Add(now.Add(2*time.Minute), figures(150, 2, 3))
	k := kept(p)
	if k.Worker.All.Counts["acked"] != 150 || k.Worker.All.Counts["split/exception"] != 30 || len(k.Tasks) != 2 || k.Tasks[1].All.Counts["received"] != 150 || !k.Tasks[1].Began.Equal(now.Add(-time.Second)) {
		t.Errorf("%+v", k)
	}

	// Another process: its counts begin at 0. Task 3 has moved away, and 4 has come.
	p = next(1)
	p.Add(now.Add(3*time.Minute), figures(7, 2, 4))
	k = kept(p)
	if k.Worker.All.Counts["acked"] != 157 || len(k.Tasks) != 2 || k.Tasks[0].All.Counts["received"] != 157 || k.Tasks[1].Task != 4 || k.Tasks[1].All.Counts["received"] != 7 || !k.Tasks[1].Began.Equal(now.Add(3*time.Minute)) {
		t.Errorf("%+v", k)
	}
	p.Add(now.Add(4*time.Minute), figures(8, 2, 3, 4)) // it comes back
	if k = kept(p); k.Tasks[1].Task != 3 || !k.Tasks[1].Began.Equal(now.Add(4*time.Minute)) {
		t.Errorf("%+v", k)
	}

	p = next(2)
	p.Add(now.Add(5*time.Minute), figures(1, 2))
	if k = kept(p); k.Worker.All.Counts["acked"] != 1 || !k.Worker.Began.Equal(now.Add(-time.Second)) {
		t.Errorf("%+v", k)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := NewPast(place.String(), "here", 2).load(file); err == nil {
		t.Error("half a file is taken for a whole one")
	}
}
