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
	"runtime"
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
// ZooKeeper; they have no children. It takes some minutes, so only `make scale` runs it.
func TestD60Scale(t *testing.T) {
	if os.Getenv("POLYBOLT_SCALE") == "" {
		t.Skip("takes minutes: make scale runs it")
	}
	s := newScale(t)
	began := time.Now()
	r := deployRequest()
	r.Timeout = scalePatience
	if _, err := s.nimbus.Deploy(t.Context(), r, bytes.NewReader(scaleBundle(t))); err != nil {
		t.Fatal(err)
	}
	s.limit("first deploy, request to published assignment", s.publishedAfter(began))
	up := s.wait("all workers are up", func() bool {
		st, err := s.nimbus.Status(t.Context(), "t")
		return err == nil && st.State == "active"
	})
	t.Logf("all %d workers up and switched after %v more", scaleWorkers, up.Round(time.Millisecond))
	s.rests()

	// A machine is lost: its workers and its supervisor are gone for two seconds, then work moves.
	before, lost := s.assignment().Epoch, time.Now()
	s.stops[7]()
	s.wait("work moves", func() bool { return s.assignment().Epoch > before })
	s.limit("a lost machine, beyond the two seconds", s.publishedAfter(lost)-DefaultRules().Lost)

	s.calm()
	began = time.Now()
	if _, err := s.nimbus.Change(t.Context(), "t", api.ChangeRequest{Verb: api.Rebalance, Workers: 400}); err != nil {
		t.Fatal(err)
	}
	s.wait("the rebalance is published", func() bool { return len(s.assignment().Workers) == 400 })
	s.limit("rebalance to 400 workers, request to published assignment", s.publishedAfter(began))
	now := time.Duration(0)
	if _, err := s.nimbus.Change(t.Context(), "t", api.ChangeRequest{Verb: api.Kill, Wait: &now}); err != nil {
		t.Fatal(err)
	}
	took := s.wait("nothing is left", func() bool { list, err := s.nimbus.List(t.Context()); return err == nil && len(list) == 0 })
	t.Logf("kill: %v", took.Round(time.Millisecond))
}

// scalePatience bounds every wait.
const scalePatience = 3 * time.Minute

// scale is a large cluster without children.
type scale struct {
	t         *testing.T
	server    *zookeepertest.Server
	root      string
	eyes      *zk.Store // the test's own session
	c         *cluster.Cluster
	published *publishing
	nimbus    *Nimbus
	sessions  []string // of supervisors
	stops     []context.CancelFunc
}

// newScale starts all daemons, and waits until nimbus sees all supervisors.
func newScale(t *testing.T) *scale {
	t.Helper()
	s := &scale{t: t, server: zookeepertest.Start(t)}
	s.root = s.server.Root()
	quiet := slog.New(slog.DiscardHandler)
	s.eyes = s.open()
	s.c = cluster.New(s.eyes, quiet)
	if err := s.c.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	each := func() *cluster.Cluster { return cluster.New(s.open(), quiet) }
	m, ctx := newDaemons(t, each)
	for i := range scaleSupervisors {
		one, stop := context.WithCancel(ctx)
		t.Cleanup(stop)
		s.stops = append(s.stops, stop)
		store := s.open()
		m.open = func() *cluster.Cluster { return cluster.New(store, quiet) }
		m.supervise(one, supervisorID(i), scaleSlots)
		m.open = each
		if _, err := store.Get(t.Context(), "/"); err != nil {
			t.Fatal(err)
		}
		s.sessions = append(s.sessions, fmt.Sprintf("0x%x", store.Session().ID))
	}
	s.published = &publishing{Store: s.open()}
	var led time.Time
	s.nimbus, led = scaleNimbus(t, cluster.New(s.published, quiet))
	s.wait("nimbus sees all", func() bool {
		v, err := s.nimbus.Cluster(t.Context())
		return err == nil && len(v.Supervisors) == scaleSupervisors
	})
	t.Logf("%d supervisors are there, %v after nimbus led", scaleSupervisors, time.Since(led).Round(time.Millisecond))
	return s
}

// open begins the session of one more daemon. It may be called on any goroutine.
func (s *scale) open() *zk.Store {
	o := zk.DefaultOptions()
	o.Servers, o.Root, o.SessionTimeout, o.RequestTimeout = s.server.Addrs(), s.root, 20*time.Second, time.Minute
	store, err := zk.Open(o)
	if err != nil {
		s.t.Error(err)
		runtime.Goexit()
	}
	s.t.Cleanup(func() {
		if err := store.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return store
}

func (s *scale) wait(what string, done func() bool) time.Duration {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for !done() {
		if time.Since(began) > scalePatience {
			s.t.Fatal("not in time: " + what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// calm waits until nobody has written anything for a second.
func (s *scale) calm() {
	s.t.Helper()
	last, since := "", time.Now()
	s.wait("the workers have applied it", func() bool {
		if now := zxidOf(s.t, s.server); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
}

func (s *scale) limit(what string, took time.Duration) {
	s.t.Helper()
	s.t.Logf("%s: %v", what, took.Round(time.Millisecond))
	if took > maxAssigning {
		s.t.Errorf("%s took %v, the limit is %v", what, took, maxAssigning)
	}
}

func (s *scale) assignment() *cluster.Assignment {
	a, err := s.c.Assignment(s.t.Context(), cluster.RunID{Topology: "t", Number: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	return &a.Record
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

// publishedAfter returns when an assignment was written after a moment. Others may see it
// before its writer hears that it is there.
func (s *scale) publishedAfter(began time.Time) time.Duration {
	s.t.Helper()
	s.wait("the write has returned", func() bool { return s.published.since(began) > 0 })
	return s.published.since(began)
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

func scaleBundle(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	yaml := fmt.Sprintf("name: t\nconfig: {workers: %d}\nspouts:\n  lines: {command: [cat], output: [line]}\nbolts:\n  split: {command: [cat], parallelism: %d, inputs: [lines]}\n", scaleWorkers, scaleTasks)
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

// rests checks what a cluster at rest costs: no node is large, none is written,
// and no supervisor watches more than a few.
func (s *scale) rests() {
	t := s.t
	t.Helper()
	nodes, largest, where := s.nodes("/")
	t.Logf("%d nodes, the largest %s with %d bytes", nodes, where, largest)
	if largest > maxZnode {
		t.Errorf("%s has %d bytes", where, largest)
	}
	before := zxidOf(t, s.server)
	time.Sleep(scaleRest) // the time that is measured
	if after := zxidOf(t, s.server); after != before {
		t.Errorf("at rest the Zxid moved from %s to %s", before, after)
	} else {
		t.Logf("at rest the Zxid stays %s for %v", before, scaleRest)
	}
	session, per := "", map[string]int{}
	for line := range strings.Lines(s.server.Command(t, 0, "wchc")) {
		if strings.HasPrefix(line, "0x") {
			session = strings.TrimSpace(line)
		} else if strings.TrimSpace(line) != "" {
			per[session]++
		}
	}
	var counts []int
	for _, id := range s.sessions {
		counts = append(counts, per[id])
	}
	slices.Sort(counts)
	t.Logf("watches: a supervisor has %d to %d, the largest session (nimbus) %d", counts[0], counts[len(counts)-1], slices.Max(slices.Collect(maps.Values(per))))
	if counts[0] == 0 || counts[len(counts)-1] > maxWatches {
		t.Errorf("supervisors have %v watches", counts)
	}
}

// nodes counts the nodes below a path, and finds the largest that holds no code.
func (s *scale) nodes(path string) (count, largest int, where string) {
	node, err := s.eyes.Get(s.t.Context(), path)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.HasPrefix(path, "/bundles/") {
		largest, where = len(node.Data), path
	}
	names, err := s.eyes.Children(s.t.Context(), path)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		n, size, at := s.nodes(strings.TrimSuffix(path, "/") + "/" + name)
		count += n
		if size > largest {
			largest, where = size, at
		}
	}
	return count + 1, largest, where
}
