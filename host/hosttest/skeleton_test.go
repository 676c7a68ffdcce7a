package hosttest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
)

// A book is counted by a topology that was deployed, and the counts are right.
func TestWordCountOfABookOnACluster(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	text, err := os.ReadFile(Book(t))
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]int{}
	lines := 0
	for line := range strings.Lines(string(text)) {
		lines++
		for _, w := range strings.Fields(line) {
			words[w]++
		}
	}
	dir := CopyExample(t, "examples-python/wordcount")
	WriteFile(t, dir, "text.txt", string(text))

	out := c.MustCLI(t, "deploy", dir)
	if !strings.Contains(out, "version 1 runs as run 1") {
		t.Errorf("deploy says:\n%s", out)
	}
	if out := c.MustCLI(t, "list"); !strings.Contains(out, "word-count") || !strings.Contains(out, "active") {
		t.Errorf("list says:\n%s", out)
	}
	Eventually(t, "every line is done", func() bool {
		f, err := c.API.Figures(t.Context(), "word-count")
		return err == nil && len(f.Workers) == 1 && f.Workers[0].Acked == int64(lines)
	})
	out = c.MustCLI(t, "kill", "word-count")
	if !strings.Contains(out, "word-count is gone") {
		t.Errorf("kill says:\n%s", out)
	}
	total := 0
	for _, n := range words {
		total += n
	}
	log := c.WorkerLog(t, 0, "word-count")
	for _, want := range []string{fmt.Sprintf("%d words, %d different ones", total, len(words)), fmt.Sprintf("%d the", words["the"])} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the worker's log:\n%s", want, log)
		}
	}
	if out := c.MustCLI(t, "list"); !strings.Contains(out, "no topology") {
		t.Errorf("list says:\n%s", out)
	}
	if len(c.Workers(t, 0)) != 0 {
		t.Error("a worker is left")
	}
}

// Nimbus and supervisor are killed and stay dead for three session timeouts:
// no child is restarted, no tuple fails, tuples flow. Started again they are in
// charge again, of the same processes.
func TestNimbusAndSupervisorKilled(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	c.MustCLI(t, "deploy", EndlessWordCount(t))
	worker := c.onlyWorker(t)
	before := figures(t, worker)

	c.Nimbuses[0].Kill(t)
	c.Supervisors[0].Kill(t)
	last := before.Acked
	for range 3 {
		time.Sleep(c.Session) // the fault lasts that long
		now := figures(t, worker)
		if now.Acked <= last {
			t.Errorf("no tuple was done within %v", c.Session)
		}
		last = now.Acked
	}
	after := figures(t, worker)
	if !maps.Equal(pids(before), pids(after)) {
		t.Errorf("the children were %v and are %v", pids(before), pids(after))
	}
	if after.Failed != 0 || after.Dead != 0 {
		t.Errorf("%d tuples failed, %d are dead", after.Failed, after.Dead)
	}
	if out, code := c.CLI(t, "list"); code != 1 || !strings.Contains(out, "no nimbus can be reached") {
		t.Errorf("list without a nimbus: exit code %d\n%s", code, out)
	}

	c.Nimbuses[0].Start(t)
	c.Supervisors[0].Start(t)
	Eventually(t, "the supervisor goes on with the worker", func() bool { return c.Supervisors[0].LogHas("worker found") })
	Eventually(t, "nimbus knows the supervisor", func() bool {
		v, err := c.API.Cluster(t.Context())
		return err == nil && len(v.Supervisors) == 1
	})
	s, err := c.API.Status(t.Context(), "word-count")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.WorkerList) != 1 || s.WorkerList[0].PID != worker.Worker.PID || s.State != "active" {
		t.Errorf("status: %+v", s)
	}
	if now := figures(t, worker); !maps.Equal(pids(before), pids(now)) || now.Failed != 0 {
		t.Errorf("after the return of both: %d failed, children %v, before %v", now.Failed, pids(now), pids(before))
	}
	c.MustCLI(t, "kill", "word-count")
	mustEnd(t, worker) // by a supervisor that has only found it
}

// mustEnd waits for the end of a worker and all it started.
func mustEnd(t *testing.T, p *slot.Peer) {
	t.Helper()
	select {
	case <-p.Guardian.Done():
	case <-time.After(Patience):
		t.Fatal("a worker did not end")
	}
}

// onlyWorker connects to the one worker on the first machine.
func (c *Cluster) onlyWorker(t *testing.T) *slot.Peer {
	t.Helper()
	list := c.Workers(t, 0)
	if len(list) != 1 {
		t.Fatalf("there are %d workers", len(list))
	}
	t.Cleanup(func() { list[0].Close() })
	return list[0]
}

func figures(t *testing.T, p *slot.Peer) *api.WorkerFigures {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	f, err := p.Figures(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// pids returns the processes of the children, by task.
func pids(f *api.WorkerFigures) map[topology.TaskID]int {
	m := map[topology.TaskID]int{}
	for _, task := range f.Tasks {
		m[task.Task] = task.PID
	}
	return m
}
