//go:build chaos

package hosttest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/tools/smalldisk"
)

// diskMachine is the machine whose disk is small enough to be filled.
const diskMachine = 1

// chaos is a cluster under load, and what was measured in it.
type chaos struct {
	*Cluster
	n       *Numbers
	load    int                 // numbers a second
	zk      []*faultproxy.Proxy // between all daemons and each member of the ensemble
	links   []*faultproxy.Proxy // before the data ports of all slots
	disk    string              // the disk of diskMachine; empty: none could be mounted
	rows    []string
	stopped int  // the nimbus that was stopped
	over    bool // the last fault is, whatever it cost
}

// fault is one thing that goes wrong.
type fault struct {
	name  string
	hurts int                          // children that it costs, at most
	limit time.Duration                // tuples flow again after that, at the latest
	spare bool                         // no tree may fail, and tuples go on at their rate
	do    func(*testing.T, *chaos)     // returns when the fault is there
	mend  func(*testing.T, *chaos)     // nil: it mends itself
	lasts func(c *chaos) time.Duration // between the two; nil: 0
}

// TestChaos puts a cluster through everything that can go wrong, one after the
// other, and prints what that cost. `make chaos` runs it.
func TestChaos(t *testing.T) {
	c := newChaos(t)
	defer c.print()
	capacity := c.capacity(t)
	c.load = capacity / 3
	fmt.Printf("%d numbers a second is what the cluster can do here, and %d is the load\n", capacity, c.load)
	c.n = NewNumbers(t, 4, 0, c.load)
	c.MustCLI(t, "deploy", c.n.Topology)
	c.n.flows(t)
	for _, f := range faults() {
		c.over = false
		if !t.Run(f.name, func(t *testing.T) { c.suffer(t, f) }) && !c.over {
			break // what comes after it would tell nothing
		}
	}
	c.MustCLI(t, "deactivate", "numbers")
}

func newChaos(t *testing.T) *chaos {
	ensemble := zookeepertest.StartEnsemble(t, 3)
	c := &chaos{}
	var via []string
	for i := range 3 {
		p := faultproxy.Start(t, "tcp", ensemble.Addr(i))
		c.zk, via = append(c.zk, p), append(via, p.Addr())
	}
	cfg := Config{
		ZooKeeper: ensemble, ZooKeeperVia: via, Nimbuses: 2, Supervisors: 3, SessionTimeout: 6 * time.Second,
		Flags: behindProxies, Env: []string{crash.SignalVariable + "=1"},
	}
	var err error
	if c.disk, err = smalldisk.Mount(t, "64m"); err != nil {
		fmt.Println("no disk can be mounted here, so none is full:", err)
	} else {
		cfg.Disk = func(i int) string {
			if i == diskMachine {
				return filepath.Join(c.disk, "machine")
			}
			return ""
		}
	}
	c.Cluster = Start(t, cfg)
	c.links = c.proxies(t)
	return c
}

// capacity returns how many numbers a second the topology does if there are always more.
func (c *chaos) capacity(t *testing.T) int {
	t.Helper()
	n := NewNumbers(t, 4, 0, 1_000_000)
	c.MustCLI(t, "deploy", n.Topology)
	n.flows(t)
	time.Sleep(2 * time.Second) // until it has warmed up
	const measured = 5 * time.Second
	before := n.Committed(t)
	time.Sleep(measured)
	done := n.Committed(t) - before
	c.MustCLI(t, "kill", "numbers")
	if done < 500 {
		t.Fatalf("the cluster does %d numbers in %v: too little to tell anything from", done, measured)
	}
	return int(float64(done) / measured.Seconds())
}

// print prints the table.
func (c *chaos) print() {
	fmt.Printf("\n%-42s %9s %9s %9s %9s %9s\n", "fault", "gap", "rate", "failed", "missing", "disturbed")
	for _, row := range c.rows {
		fmt.Println(row)
	}
}

// suffer measures one fault.
func (c *chaos) suffer(t *testing.T, f fault) {
	before, failed := c.state(t)
	stop := make(chan struct{})
	gap := make(chan time.Duration, 1)
	go func() { gap <- c.longestGap(stop) }()
	began, committed := time.Now(), c.n.Committed(t)
	f.do(t, c)
	if f.lasts != nil {
		time.Sleep(f.lasts(c)) // the fault lasts that long
	}
	if f.mend != nil {
		f.mend(t, c)
	}
	c.n.flows(t)
	c.settled(t)
	close(stop)
	longest := <-gap
	rate := float64(c.n.Committed(t)-committed) / time.Since(began).Seconds() / float64(c.load)
	after, failedNow := c.state(t)
	disturbed := 0
	for task, pid := range before {
		if after[task] != pid {
			disturbed++
		}
	}
	var lost int64
	for worker, n := range failedNow {
		lost += n - failed[worker]
	}
	missing := c.n.missing(t, c.n.Committed(t))
	c.over = true
	c.rows = append(c.rows, fmt.Sprintf("%-42s %9v %9.2f %9d %9d %9d", f.name, longest.Round(10*time.Millisecond), rate, lost, missing, disturbed))
	if longest > f.limit {
		t.Errorf("nothing arrived for %v, and %v is the limit", longest, f.limit)
	}
	if f.spare && (lost > 0 || disturbed > 0) {
		t.Errorf("%d trees failed, %d children were replaced: nobody is to notice this", lost, disturbed)
	}
	if f.spare && f.lasts != nil && rate < 0.9 {
		t.Errorf("tuples came at %.2f of their rate", rate)
	}
	if disturbed > f.hurts {
		t.Errorf("%d children were replaced, and it was to hurt %d", disturbed, f.hurts)
	}
	if missing > 0 {
		t.Errorf("%d numbers are done, and are missing at the sink", missing)
	}
}

// longestGap returns the longest time in which nothing arrived at the sink.
func (c *chaos) longestGap(stop <-chan struct{}) time.Duration {
	var longest time.Duration
	last, size := time.Now(), int64(-1)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return max(longest, time.Since(last))
		case <-tick.C:
		}
		info, err := os.Stat(filepath.Join(c.n.dir, "sink"))
		if err == nil && info.Size() != size {
			longest, last, size = max(longest, time.Since(last)), time.Now(), info.Size()
		}
	}
}

// state returns the children's pids by task, and how many trees have failed in
// each worker's life.
func (c *chaos) state(t *testing.T) (pids map[string]int, failed map[cluster.Incarnation]int64) {
	t.Helper()
	pids, failed = map[string]int{}, map[cluster.Incarnation]int64{}
	for machine := range c.Supervisors {
		for _, w := range c.Workers(t, machine) {
			ctx, cancel := context.WithTimeout(t.Context(), Patience)
			if f, err := w.Figures(ctx); err == nil {
				failed[w.Identity.Incarnation] = f.Failed
				for _, task := range f.Tasks {
					pids[fmt.Sprint(task.Task)] = task.PID
				}
			}
			cancel()
			w.Close()
		}
	}
	return pids, failed
}

// settled waits until all tasks have a child, and the same ones for a while.
func (c *chaos) settled(t *testing.T) {
	t.Helper()
	var last map[string]int
	Eventually(t, "all tasks run", func() bool {
		now, _ := c.state(t)
		same := len(now) == 8 && maps.Equal(now, last)
		for _, pid := range now {
			same = same && pid != 0
		}
		last = now
		time.Sleep(300 * time.Millisecond) // to see whether it stays so
		return same
	})
}

// worker returns a worker of the first of these machines that has one, and which that is.
func (c *chaos) worker(t *testing.T, on ...int) (int, *slot.Peer) {
	t.Helper()
	for _, machine := range on {
		list := c.Workers(t, machine)
		for _, w := range list {
			t.Cleanup(func() { w.Close() })
		}
		if len(list) > 0 {
			return machine, list[len(list)-1]
		}
	}
	t.Fatalf("there is no worker on machines %v", on)
	return 0, nil
}

// anyWorker returns a worker of the first machine that has one.
func (c *chaos) anyWorker(t *testing.T) *slot.Peer {
	t.Helper()
	_, w := c.worker(t, 0, 1, 2)
	return w
}

// leader returns the number of the nimbus that leads.
func (c *chaos) leader(t *testing.T) int {
	t.Helper()
	leader := 0
	Eventually(t, "a nimbus leads", func() bool {
		v, err := c.API.Cluster(t.Context())
		if err != nil {
			return false
		}
		for _, n := range v.Nimbuses {
			for i, url := range c.urls {
				if n.Leads && n.URL == url {
					leader = i
					return true
				}
			}
		}
		return false
	})
	return leader
}

// decidesWithin fails the test if no nimbus takes a change in time.
func (c *chaos) decidesWithin(t *testing.T, limit time.Duration) {
	t.Helper()
	ask := func(url string) bool {
		client, err := api.NewClient([]string{url}, "a token for tests")
		if err != nil {
			t.Error(err)
			return false
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // one that is stopped does not answer
		defer cancel()
		_, err = client.Change(ctx, "numbers", api.ChangeRequest{Verb: api.Activate})
		return err == nil
	}
	Within(t, limit, "a nimbus takes changes", func() bool {
		answers := make(chan bool, len(c.urls))
		for _, url := range c.urls { // side by side: who asks the stopped one first has lost half a second
			go func() { answers <- ask(url) }()
		}
		for range c.urls {
			if <-answers {
				return true
			}
		}
		return false
	})
}

// startAll starts the daemons that do not run.
func startAll(t *testing.T, c *chaos) {
	t.Helper()
	for _, d := range append(append([]*Daemon{}, c.Nimbuses...), c.Supervisors...) {
		if d.PID() == 0 {
			d.Start(t)
		}
	}
	c.whole(t)
}

// whole waits until nimbus knows all of the cluster.
func (c *chaos) whole(t *testing.T) {
	t.Helper()
	Eventually(t, "the cluster is whole", func() bool {
		v, err := c.API.Cluster(t.Context())
		return err == nil && len(v.Nimbuses) == len(c.Nimbuses) && len(v.Supervisors) == len(c.Supervisors) && len(v.LogServers) == len(c.Supervisors)
	})
}

// ensemble starts the members of the ensemble that do not run.
func ensemble(t *testing.T, c *chaos) {
	t.Helper()
	for i := range 3 {
		if _, err := c.ZooKeeper.Mode(i); err != nil {
			c.ZooKeeper.RestartNoWait(t, i)
		}
	}
	for i := range 3 {
		c.ZooKeeper.WaitReady(t, i)
	}
	c.whole(t)
}

// remove removes a file that may be missing.
func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}
