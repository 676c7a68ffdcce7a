package nimbus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
	"github.com/polybolt/polybolt/coordinator/zk"
	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/cluster"
)

// The size of TestScale, and its limits.
const (
	scaleSupervisors = 100
	scaleSlots       = 6
	scaleWorkers     = 500
	scaleTasks       = 2000
	scaleRest        = 60 * time.Second // at rest nothing is written for as long
	maxZnode         = 256 << 10        // bytes
	maxAssigning     = time.Second      // from a request to its published assignment
	maxWatches       = 10               // of one supervisor
)

// D60: 500 workers in 100 supervisors, each with a session of its own on a real
// ZooKeeper; they have no children. It takes some minutes, so it runs when asked for:
//
//	POLYBOLT_SCALE=1 go test -v -run TestD60Scale ./host/nimbus
func TestD60Scale(t *testing.T) {
	if os.Getenv("POLYBOLT_SCALE") == "" {
		t.Skip("takes minutes: set POLYBOLT_SCALE=1")
	}
	server := zookeepertest.Start(t)
	root := server.Root()
	stores := map[string]*zk.Store{} // of supervisors, by session; guarded by mu
	var mu sync.Mutex
	open := func() *zk.Store {
		o := zk.DefaultOptions()
		o.Servers, o.Root, o.SessionTimeout, o.RequestTimeout = server.Addrs(), root, 20*time.Second, time.Minute
		s, err := zk.Open(o)
		if err != nil {
			t.Error(err)
			return nil
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	quiet := slog.New(slog.DiscardHandler)
	eyes := open()
	c := cluster.New(eyes, quiet)
	if err := c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, ctx := newDaemons(t, func() *cluster.Cluster { return cluster.New(open(), quiet) })
	var stops []context.CancelFunc
	for i := range scaleSupervisors {
		one, stop := context.WithCancel(ctx)
		defer stop()
		stops = append(stops, stop)
		store := open()
		before := m.open
		m.open = func() *cluster.Cluster { return cluster.New(store, quiet) }
		m.supervise(one, supervisorID(i), scaleSlots)
		m.open = before
		if _, err := store.Get(t.Context(), "/"); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		stores[fmt.Sprintf("0x%x", store.Session().ID)] = store
		mu.Unlock()
	}
	published := &publishing{Store: open()}
	n, led := scaleNimbus(t, cluster.New(published, quiet))
	wait := func(what string, done func() bool) time.Duration {
		t.Helper()
		began := time.Now()
		for !done() {
			if time.Since(began) > 3*time.Minute {
				t.Fatal("not in time: " + what)
			}
			time.Sleep(5 * time.Millisecond) // polls
		}
		return time.Since(began)
	}
	wait("nimbus sees all", func() bool {
		v, err := n.Cluster(t.Context())
		return err == nil && len(v.Supervisors) == scaleSupervisors
	})
	t.Logf("%d supervisors are there, %v after nimbus led", scaleSupervisors, time.Since(led).Round(time.Millisecond))

	deploy := func(parallelism int) time.Duration {
		t.Helper()
		began := time.Now()
		r := deployRequest()
		r.Timeout = 3 * time.Minute
		if _, err := n.Deploy(t.Context(), r, bytes.NewReader(scaleBundle(t, parallelism))); err != nil {
			t.Fatal(err)
		}
		return published.since(began)
	}
	limit := func(what string, took time.Duration) {
		t.Helper()
		t.Logf("%s: %v", what, took.Round(time.Millisecond))
		if took > maxAssigning {
			t.Errorf("%s took %v, the limit is %v", what, took, maxAssigning)
		}
	}
	limit("first deploy, request to published assignment", deploy(scaleTasks))
	up := wait("all workers are up", func() bool {
		s, err := n.Status(t.Context(), "t")
		return err == nil && s.State == "active"
	})
	t.Logf("all %d workers up and switched after %v more", scaleWorkers, up.Round(time.Millisecond))
	scaleRested(t, server, eyes, stores)
	calm := func() { // until nobody has written anything for a second
		last, since := "", time.Now()
		wait("the workers have applied it", func() bool {
			if now := zxidOf(t, server); now != last {
				last, since = now, time.Now()
			}
			return time.Since(since) > time.Second
		})
	}

	// A machine is lost: its workers and its supervisor are gone for two seconds, then work moves.
	epoch := func() int64 {
		a, err := c.Assignment(t.Context(), cluster.RunID{Topology: "t", Number: 1})
		if err != nil {
			t.Fatal(err)
		}
		return a.Record.Epoch
	}
	before := epoch()
	stops[7]()
	lost := time.Now()
	wait("work moves", func() bool { return epoch() > before })
	limit("a lost machine, beyond the two seconds", published.since(lost)-DefaultRules().Lost)
	calm()
	began := time.Now()
	if _, err := n.Change(t.Context(), "t", api.ChangeRequest{Verb: api.Rebalance, Workers: 400}); err != nil {
		t.Fatal(err)
	}
	wait("the rebalance is published", func() bool {
		a, err := c.Assignment(t.Context(), cluster.RunID{Topology: "t", Number: 1})
		return err == nil && len(a.Record.Workers) == 400
	})
	limit("rebalance to 400 workers, request to published assignment", published.since(began))
	now := time.Duration(0)
	if _, err := n.Change(t.Context(), "t", api.ChangeRequest{Verb: api.Kill, Wait: &now}); err != nil {
		t.Fatal(err)
	}
	t.Logf("kill: %v", wait("nothing is left", func() bool { list, err := n.List(t.Context()); return err == nil && len(list) == 0 }).Round(time.Millisecond))
}

// publishing is a store that notes when an assignment was published.
type publishing struct {
	coordinator.Store

	mu   sync.Mutex
	last time.Time // guarded by mu
}

func (p *publishing) Apply(ctx context.Context, ops ...coordinator.Op) error {
	err := p.Store.Apply(ctx, ops...)
	if err == nil && slices.ContainsFunc(ops, func(op coordinator.Op) bool { return strings.HasSuffix(op.Path, "/assignment") }) {
		p.mu.Lock()
		p.last = time.Now()
		p.mu.Unlock()
	}
	return err
}

// since returns how long after a moment the last assignment was published.
func (p *publishing) since(began time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last.Sub(began)
}

// scaleNimbus runs a nimbus until the test ends, and waits until it leads.
func scaleNimbus(t *testing.T, c *cluster.Cluster) (n *Nimbus, led time.Time) {
	t.Helper()
	opts := DefaultOptions()
	opts.Log, opts.Self = slog.New(slog.DiscardHandler), cluster.Nimbus{Incarnation: cluster.NewIncarnation(), URL: "http://127.0.0.1:1"}
	n, err := New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "nimbus leads", func() bool { return n.current() != nil })
	return n, time.Now()
}

func scaleBundle(t *testing.T, parallelism int) []byte {
	t.Helper()
	dir := t.TempDir()
	yaml := fmt.Sprintf("name: t\nconfig: {workers: %d}\nspouts:\n  lines: {command: [cat], output: [line]}\nbolts:\n  split: {command: [cat], parallelism: %d, inputs: [lines]}\n", scaleWorkers, parallelism)
	if err := os.WriteFile(filepath.Join(dir, "topology.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := blob.Pack(dir, blob.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return p.Data
}

var zxid = regexp.MustCompile(`(?m)^Zxid: (0x[0-9a-f]+)`)

// zxidOf returns the number of the last transaction.
func zxidOf(t *testing.T, server *zookeepertest.Server) string {
	t.Helper()
	found := zxid.FindStringSubmatch(server.Command(t, 0, "srvr"))
	if found == nil {
		t.Fatal("srvr does not tell the Zxid")
	}
	return found[1]
}

// scaleRested checks what a cluster at rest costs: no node is large, none is
// written, and no supervisor watches more than a few.
func scaleRested(t *testing.T, server *zookeepertest.Server, store coordinator.Store, supervisors map[string]*zk.Store) {
	t.Helper()
	nodes, largest, where := 0, 0, ""
	var visit func(string)
	visit = func(path string) {
		node, err := store.Get(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		nodes++
		if len(node.Data) > largest && !strings.HasPrefix(path, "/bundles/") {
			largest, where = len(node.Data), path
		}
		names, err := store.Children(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			visit(strings.TrimSuffix(path, "/") + "/" + name)
		}
	}
	visit("/")
	t.Logf("%d nodes, the largest %s with %d bytes", nodes, where, largest)
	if largest > maxZnode {
		t.Errorf("%s has %d bytes", where, largest)
	}
	before := zxidOf(t, server)
	time.Sleep(scaleRest) // the time that is measured
	if after := zxidOf(t, server); after != before {
		t.Errorf("at rest the Zxid moved from %s to %s", before, after)
	} else {
		t.Logf("at rest the Zxid stays %s for %v", before, scaleRest)
	}
	var counts []int
	session := ""
	per := map[string]int{}
	for line := range strings.Lines(server.Command(t, 0, "wchc")) {
		if strings.HasPrefix(line, "0x") {
			session = strings.TrimSpace(line)
		} else if strings.TrimSpace(line) != "" {
			per[session]++
		}
	}
	for id := range supervisors {
		counts = append(counts, per[id])
	}
	slices.Sort(counts)
	t.Logf("watches: a supervisor has %d to %d, the largest session (nimbus) %d", counts[0], counts[len(counts)-1], slices.Max(slices.Collect(maps.Values(per))))
	if counts[0] == 0 || counts[len(counts)-1] > maxWatches {
		t.Errorf("supervisors have %v watches", counts)
	}
}
