//go:build chaos

package hosttest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/slot"
)

// soakPatience is for all to be well again, when much has died at once.
const soakPatience = 3 * time.Minute

// soakQuiet is for how long nothing is killed before things are counted:
// connections that nobody uses are closed after a minute.
const soakQuiet = 70 * time.Second

// ticker is a topology in Node that never ends.
var ticker = map[string]string{
	"topology.yaml": `name: ticker
config: {workers: 2, message_timeout: 10s}
spouts:
  ticks:
    command: [node, ticks.mjs]
    output: [n]
bolts:
  twice:
    command: [node, twice.mjs]
    parallelism: 2
    inputs: [ticks]
    output: [n]
  end:
    command: [node, end.mjs]
    inputs:
      - {from: twice, group: {fields: [n]}}
`,
	"ticks.mjs": `import { spout } from 'polybolt'
import { setTimeout } from 'node:timers/promises'

const ticks = spout(async function* () {
  for (let n = 0; ; n++) {
    yield n
    if (n % 10 === 0) await setTimeout(20)
  }
})
ticks.run()
`,
	"twice.mjs": "import { bolt } from 'polybolt'\n\nconst twice = bolt(({ n }) => 2 * n)\ntwice.run()\n",
	"end.mjs":   "import { bolt } from 'polybolt'\n\nconst end = bolt(() => {})\nend.run()\n",
}

// TestSoak has a cluster with three topologies suffer random deaths for a time,
// SOAK, and compares what it consists of afterwards with what it was before.
// `make soak` runs it. One nimbus and one supervisor are spared, so that they
// live through all of it.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(cmp.Or(os.Getenv("SOAK"), "30m"))
	if err != nil {
		t.Fatalf("SOAK: %v", err)
	}
	counts := t.TempDir()
	c := Start(t, Config{ZooKeeper: zookeeper, Nimbuses: 2, Supervisors: 2, Slots: 5, SessionTimeout: 6 * time.Second, Env: []string{crash.CountVariable + "=" + counts}})
	n := NewNumbers(t, 3, 0, 200)
	c.MustCLI(t, "deploy", n.Topology)
	c.MustCLI(t, "deploy", EndlessWordCount(t), "--set", "spouts.lines.config.every=0.02")
	dir := t.TempDir()
	for name, text := range ticker {
		WriteFile(t, dir, name, text)
	}
	c.MustCLI(t, "deploy", dir)
	k := &killer{Cluster: c, dead: map[string]int{}}
	for range 2 * len(k.ways()) { // everything has happened once before things are counted
		k.one(t)
	}
	before := k.settled(t, n, counts)
	for end := time.Now().Add(length); time.Now().Before(end); {
		k.one(t)
	}
	nodes := k.nodes
	after := k.settled(t, n, counts)
	missing := n.missing(t, n.Committed(t))
	fmt.Printf("\n%v, killed: %v; %d numbers done, %d missing at the sink\n\n%-28s %10s %10s\n", length, k.dead, n.Committed(t), missing, "", "before", "after")
	for _, what := range slices.Sorted(maps.Keys(after)) {
		fmt.Printf("%-28s %10d %10d\n", what, before[what], after[what])
		kind, _, _ := strings.Cut(what, ",")
		limit := before[what]
		switch kind {
		case "MB": // of heaps, which the collector lets grow between its turns
			limit += limit/4 + 16
		case "descriptors", "goroutines": // requests may be under way
			limit += limit/20 + 4
		}
		if after[what] > limit && kind == "nodes in ZooKeeper" {
			t.Errorf("new nodes: %v", slices.DeleteFunc(k.nodes, func(node string) bool { return slices.Contains(nodes, node) }))
		} else if after[what] > limit {
			t.Errorf("%s: %d, and there were %d", what, after[what], before[what])
		}
	}
	if missing > 0 {
		t.Errorf("%d numbers are missing", missing)
	}
}

// killer kills what it finds, and counts.
type killer struct {
	*Cluster
	dead  map[string]int
	nodes []string // in the coordinator, when they were counted last
}

// ways lists whom a killer can kill.
func (k *killer) ways() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"child":      func(t *testing.T) { k.onWorker(t, k.killChild) },
		"worker":     func(t *testing.T) { k.onWorker(t, func(t *testing.T, w *slot.Peer) { k.end(t, w.Worker) }) },
		"guardian":   func(t *testing.T) { k.onWorker(t, func(t *testing.T, w *slot.Peer) { k.end(t, w.Guardian) }) },
		"supervisor": func(t *testing.T) { k.Supervisors[0].Kill(t); k.Supervisors[0].Start(t) },
		"nimbus":     func(t *testing.T) { k.Nimbuses[0].Kill(t); k.Nimbuses[0].Start(t) },
		"log server": func(t *testing.T) {
			for _, p := range k.LogServers(t, rand.IntN(2)) {
				k.end(t, p)
				p.Close()
			}
		},
	}
}

// one kills something, and leaves time to recover, or not quite.
func (k *killer) one(t *testing.T) {
	t.Helper()
	ways := k.ways()
	names := slices.Sorted(maps.Keys(ways))
	name := names[rand.IntN(len(names))]
	ways[name](t)
	k.dead[name]++
	time.Sleep(rand.N(4 * time.Second)) // until the next one
}

// onWorker does something to a worker, if there is one just now.
func (k *killer) onWorker(t *testing.T, do func(*testing.T, *slot.Peer)) {
	list := k.Workers(t, rand.IntN(2))
	if len(list) > 0 {
		do(t, list[rand.IntN(len(list))])
	}
	for _, w := range list {
		w.Close()
	}
}

func (k *killer) end(t *testing.T, p *slot.Process) {
	_ = p.Signal(syscall.SIGKILL) // it may have ended by itself
	select {
	case <-p.Done():
	case <-time.After(Patience):
		t.Errorf("pid %d lives on", p.PID)
	}
}

func (k *killer) killChild(t *testing.T, w *slot.Peer) {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	f, err := w.Figures(ctx)
	if err != nil || len(f.Tasks) == 0 {
		return // it is just starting, or dying
	}
	p, err := slot.OpenProcess(f.Tasks[rand.IntN(len(f.Tasks))].PID)
	if err != nil {
		return
	}
	defer p.Close()
	k.end(t, p)
}

// settled waits until all is well again, and counts what there is.
func (k *killer) settled(t *testing.T, n *Numbers, counts string) map[string]int {
	t.Helper()
	// The one nimbus leads, and the one supervisor has adopted its workers, each time.
	k.Nimbuses[0].Kill(t)
	k.Supervisors[0].Kill(t)
	Eventually(t, "the nimbus that is spared leads", func() bool { _, err := k.API.List(t.Context()); return err == nil })
	k.Nimbuses[0].Start(t)
	k.Supervisors[0].Start(t)
	for _, name := range []string{"numbers", "word-count", "ticker"} {
		Within(t, soakPatience, name+" is whole", func() bool {
			s, err := k.API.Status(t.Context(), nameOf(name))
			if err != nil || s.State != "active" || s.Workers != s.Wanted {
				return false
			}
			for _, c := range s.Components {
				if c.Ready != c.Tasks {
					return false
				}
			}
			return true
		})
	}
	Eventually(t, "all daemons are known", func() bool {
		v, err := k.API.Cluster(t.Context())
		return err == nil && len(v.Nimbuses) == 2 && len(v.Supervisors) == 2 && len(v.LogServers) == 2
	})
	n.flows(t)
	k.API.Close()         // its connections
	time.Sleep(soakQuiet) // sessions of the dead end, idle connections are closed
	return k.count(t, counts)
}
