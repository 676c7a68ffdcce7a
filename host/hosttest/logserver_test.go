package hosttest

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/metrics"
)

// logServer returns a client of the log server of the first machine, once it
// is another than the one with a pid.
func (c *Cluster) logServer(t *testing.T, not int) (*api.LogServer, int) {
	t.Helper()
	store := c.store(t, c.key(t).Credentials())
	var found cluster.LogServer
	Eventually(t, "a log server is announced", func() bool {
		list, err := cluster.New(store, slog.New(slog.DiscardHandler)).LogServers(t.Context())
		if err != nil || len(list) != 1 || list[0].PID == not {
			return false
		}
		found = list[0]
		return true
	})
	client := api.NewLogServer(found.Address, found.Token, found.Pin)
	t.Cleanup(client.Close)
	return client, found.PID
}

// The log server shows what workers write, dead ones included, lives on
// without its supervisor, and is replaced when it dies.
func TestLogServer(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	dir := EndlessWordCount(t)
	WriteFile(t, dir, "split.py", `
import logging

from polybolt import bolt


@bolt
def split(line):
    print("seen:", line)
    logging.getLogger("mine").warning("words: %d", len(line.split()))
    for word in line.split():
        yield word


split.run()
`)
	c.MustCLI(t, "deploy", dir, "--set", "spouts.lines.config.every=0.2")
	logs, pid := c.logServer(t, 0)
	enough := errors.New("enough")
	seen := map[string]bool{}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	err := logs.Logs(ctx, api.LogQuery{Topology: "word-count", Component: "split", Follow: true}, func(l api.LogLine) error {
		if l.Component != "split" || l.Host != "machine0" || l.Run != 1 || l.Task == 0 || l.PID == 0 || l.Time.IsZero() {
			t.Errorf("a line that says too little, or too much: %+v", l)
		}
		switch {
		case strings.HasPrefix(l.Text, "seen: ") && l.Level == "":
			seen["printed"] = true
		case strings.HasPrefix(l.Text, "words: ") && l.Level == "WARN" && l.Logger == "mine":
			seen["logged"] = true
		}
		if len(seen) == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("%v; seen: %v", err, seen)
	}

	// Supervisor and worker die: what they left can still be read.
	worker := c.onlyWorker(t)
	Eventually(t, "figures are kept", func() bool {
		list, err := logs.Figures(t.Context(), "word-count")
		return err == nil && len(list) == 1 && list[0].Acked > 0 && list[0].Ended == nil
	})
	var before *api.History
	Eventually(t, "history is kept", func() bool {
		list, err := logs.Histories(t.Context(), "word-count")
		if err != nil || len(list) != 1 || list[0].Worker.All.Counts["acked"] == 0 {
			return false
		}
		before = api.SumUp(list, "", "10m", time.Now())
		return true
	})
	c.Supervisors[0].Kill(t)
	if err := worker.Worker.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, worker)
	list, err := logs.Figures(t.Context(), "word-count")
	if err != nil || len(list) != 1 || list[0].Ended == nil || !strings.Contains(list[0].Why, "KILL") || len(list[0].Tasks) == 0 {
		t.Errorf("figures of the dead worker: %+v, %v", list, err)
	}
	// Nimbus has what the dead worker remembered from there.
	ever := len(metrics.Windows)
	h, err := c.API.History(t.Context(), "word-count", "", "10m")
	if err != nil || len(h.Silent) > 0 || h.Windows[ever].Counts["acked"] < before.Windows[ever].Counts["acked"] || len(h.Components) != 4 {
		t.Errorf("the dead worker's history is %+v, %v; it had kept %+v", h, err, before)
	}
	lines := 0
	if err := logs.Logs(t.Context(), api.LogQuery{Topology: "word-count", Tail: 5}, func(api.LogLine) error { lines++; return nil }); err != nil || lines != 5 {
		t.Errorf("%d lines of the dead worker, %v", lines, err)
	}

	// The supervisor comes back to the log server that there is.
	c.Supervisors[0].Start(t)
	c.next(t, worker)
	// The next worker goes on from there.
	Eventually(t, "the next worker remembers, and adds to it", func() bool {
		f, err := c.API.Figures(t.Context(), "word-count")
		if err != nil || len(f.Workers) != 1 || f.Workers[0].Acked == 0 {
			return false
		}
		h, err := c.API.History(t.Context(), "word-count", "split", "10m")
		if err != nil || len(h.Tasks) == 0 {
			return false
		}
		all := h.Windows[ever]
		return all.Since.Equal(before.Windows[ever].Since) && all.Counts["received"] > before.Components[2].Windows[ever].Counts["received"] && len(h.Points) > 0 && all.Latency["user"].Count > 0
	})
	running := c.LogServers(t, 0)
	if len(running) != 1 || running[0].PID != pid {
		t.Errorf("there are %d log servers", len(running))
	}
	for _, p := range running {
		if err := p.Signal(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		p.Close()
	}
	if _, again := c.logServer(t, pid); again == pid {
		t.Error("it is the dead one")
	}
}

// Dead tuples can be read, with where they were given up.
func TestDeadTuplesOnACluster(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper})
	dir := EndlessWordCount(t)
	WriteFile(t, dir, "split.py", `
from polybolt import bolt


@bolt
def split(line):
    if "the" in line:
        raise ValueError("not this one")
    return None


split.run()
`)
	c.MustCLI(t, "deploy", dir, "--set", "spouts.lines.retries=0")
	logs, _ := c.logServer(t, 0)
	reasons := map[string]bool{}
	Eventually(t, "a tuple is given up", func() bool {
		err := logs.Dead(t.Context(), "word-count", 3, func(d api.DeadTuple) error {
			reasons[d.Host+" "+d.Place] = strings.Contains(string(d.Tuple), "not this one")
			return nil
		})
		return err == nil && len(reasons) > 0
	})
	if want := map[string]bool{"machine0 0.0": true}; !maps.Equal(reasons, want) {
		t.Errorf("%v", reasons)
	}
}
