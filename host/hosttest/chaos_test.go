//go:build chaos

package hosttest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
	"github.com/polybolt/polybolt/host/slot"
)

// chaosRate is the load, in numbers a second: about a third of what the
// topology can do on two cores.
const chaosRate = 1000

// chaos is a cluster under load, and what was measured in it.
type chaos struct {
	*Cluster
	n    *Numbers
	rows []string
}

// fault is one thing that goes wrong.
type fault struct {
	name  string
	hurts int                          // processes that it ends, children included, at most
	limit time.Duration                // tuples flow again after that, at the latest
	spare bool                         // no tree may fail
	do    func(*testing.T, *chaos)     // returns when the fault is there
	mend  func(*testing.T, *chaos)     // nil: it mends itself
	lasts func(c *chaos) time.Duration // between the two; nil: 0
}

func sessions(n int) func(*chaos) time.Duration {
	return func(c *chaos) time.Duration { return time.Duration(n) * c.Session }
}

// TestChaos puts a cluster through everything that can go wrong, one after the
// other, and prints what that cost. `make chaos` runs it.
func TestChaos(t *testing.T) {
	c := &chaos{Cluster: Start(t, Config{ZooKeeper: zookeepertest.StartEnsemble(t, 3), Nimbuses: 2, Supervisors: 3, SessionTimeout: 6 * time.Second}),
		n: NewNumbers(t, 4, 0, chaosRate)}
	c.MustCLI(t, "deploy", c.n.Topology)
	c.n.flows(t)
	for _, f := range faults() {
		if !t.Run(f.name, func(t *testing.T) { c.suffer(t, f) }) {
			break // what comes after it would tell nothing
		}
	}
	c.MustCLI(t, "deactivate", "numbers")
	below := c.n.Committed(t)
	missing := c.n.missing(t, below)
	fmt.Printf("\n%-34s %12s %12s %12s\n", "fault", "gap", "failed", "disturbed")
	for _, row := range c.rows {
		fmt.Println(row)
	}
	fmt.Printf("\n%d numbers done, %d missing at the sink\n", below, missing)
	if missing > 0 {
		t.Errorf("%d numbers are missing", missing)
	}
}

// suffer measures one fault.
func (c *chaos) suffer(t *testing.T, f fault) {
	before, failed := c.state(t)
	stop := make(chan struct{})
	gap := make(chan time.Duration, 1)
	go func() { gap <- c.longestGap(stop) }()
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
	after, failedNow := c.state(t)
	disturbed := 0
	for task, pid := range before {
		if after[task] != pid {
			disturbed++
		}
	}
	lost := max(failedNow-failed, 0)
	c.rows = append(c.rows, fmt.Sprintf("%-34s %12v %12d %12d", f.name, longest.Round(10*time.Millisecond), lost, disturbed))
	if longest > f.limit {
		t.Errorf("nothing arrived for %v, and %v is the limit", longest, f.limit)
	}
	if f.spare && (lost > 0 || disturbed > 0) {
		t.Errorf("%d trees failed, %d children were replaced: nobody is to notice this", lost, disturbed)
	}
	if disturbed > f.hurts {
		t.Errorf("%d children were replaced, and it was to hurt %d", disturbed, f.hurts)
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

// state returns the children's pids by task, and how many trees have failed.
func (c *chaos) state(t *testing.T) (pids map[string]int, failed int64) {
	t.Helper()
	pids = map[string]int{}
	for machine := range c.Supervisors {
		for _, w := range c.Workers(t, machine) {
			ctx, cancel := context.WithTimeout(t.Context(), Patience)
			if f, err := w.Figures(ctx); err == nil {
				failed += f.Failed
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

// anyWorker returns a worker of the first machine that has one.
func (c *chaos) anyWorker(t *testing.T) *slot.Peer {
	t.Helper()
	for machine := range c.Supervisors {
		if list := c.Workers(t, machine); len(list) > 0 {
			for _, w := range list {
				t.Cleanup(func() { w.Close() })
			}
			return list[len(list)-1]
		}
	}
	t.Fatal("there is no worker")
	return nil
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

// faults lists what is done to the cluster, in this order.
func faults() []fault {
	quick := time.Second // a machine that is busy has pauses of its own
	return []fault{
		{name: "leader nimbus killed", limit: quick, spare: true, lasts: sessions(3),
			do:   func(t *testing.T, c *chaos) { c.Nimbuses[c.leader(t)].Kill(t) },
			mend: startAll},
		{name: "both nimbuses killed", limit: quick, spare: true, lasts: sessions(3),
			do:   func(t *testing.T, c *chaos) { c.Nimbuses[0].Kill(t); c.Nimbuses[1].Kill(t) },
			mend: startAll},
		{name: "all supervisors killed", limit: quick, spare: true, lasts: sessions(3),
			do: func(t *testing.T, c *chaos) {
				for _, s := range c.Supervisors {
					s.Kill(t)
				}
			}, mend: startAll},
		{name: "leader nimbus stopped", limit: quick, spare: true, lasts: sessions(2),
			do: func(t *testing.T, c *chaos) {
				leader := c.Nimbuses[c.leader(t)]
				leader.Signal(t, syscall.SIGSTOP)
				t.Cleanup(func() { leader.Signal(t, syscall.SIGCONT) })
			}},
		{name: "child killed", limit: quick, hurts: 1,
			do: func(t *testing.T, c *chaos) {
				before, _ := c.state(t)
				if err := syscall.Kill(before["4"], syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}},
		{name: "worker killed", limit: 3 * time.Second, hurts: 3, do: func(t *testing.T, c *chaos) { kill(t, c.anyWorker(t)) }},
		{name: "worker stopped", limit: 16 * time.Second, hurts: 3,
			do: func(t *testing.T, c *chaos) {
				if err := c.anyWorker(t).Worker.Signal(syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}},
		{name: "a ZooKeeper follower killed", limit: quick, spare: true, lasts: sessions(1),
			do:   func(t *testing.T, c *chaos) { c.ZooKeeper.Kill(t, (c.ZooKeeper.Leader(t)+1)%3) },
			mend: ensemble},
		{name: "ZooKeeper's leader killed", limit: quick, spare: true, lasts: sessions(1),
			do:   func(t *testing.T, c *chaos) { c.ZooKeeper.Kill(t, c.ZooKeeper.Leader(t)) },
			mend: ensemble},
		{name: "no quorum for 60 s, worker killed", limit: 3 * time.Second, hurts: 3,
			lasts: func(*chaos) time.Duration { return time.Minute },
			do: func(t *testing.T, c *chaos) {
				c.ZooKeeper.Kill(t, 0)
				c.ZooKeeper.Kill(t, 1)
				kill(t, c.anyWorker(t))
			}, mend: ensemble},
		{name: "the whole ensemble restarted", limit: quick, spare: true, lasts: sessions(2),
			do: func(t *testing.T, c *chaos) {
				for i := range 3 {
					c.ZooKeeper.Kill(t, i)
				}
			}, mend: ensemble},
		{name: "a machine dies", limit: 12 * time.Second, hurts: 6,
			do: func(t *testing.T, c *chaos) {
				c.Supervisors[0].Kill(t)
				for _, w := range c.Workers(t, 0) {
					kill(t, w)
					w.Close()
				}
			}, mend: func(t *testing.T, c *chaos) {
				c.settled(t)
				startAll(t, c)
			}},
	}
}

// startAll starts the daemons that do not run.
func startAll(t *testing.T, c *chaos) {
	t.Helper()
	for _, d := range append(append([]*Daemon{}, c.Nimbuses...), c.Supervisors...) {
		if d.PID() == 0 {
			d.Start(t)
		}
	}
	c.leader(t)
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
	c.leader(t)
}
