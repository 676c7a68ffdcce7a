//go:build chaos

package hosttest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
	"github.com/polybolt/polybolt/host/crash"
)

// unnoticed bounds a gap in what is to have none: a machine that is busy has
// pauses of its own. That nothing fails, and that the rate holds, tells more.
const unnoticed = 2 * time.Second

// session is the session timeout that limits are told in.
const session = 6 * time.Second

func sessions(n int) func(*chaos) time.Duration {
	return func(c *chaos) time.Duration { return time.Duration(n) * c.Session }
}

func lasts(d time.Duration) func(*chaos) time.Duration {
	return func(*chaos) time.Duration { return d }
}

// faults lists what is done to the cluster, in this order.
func faults() []fault {
	list := append(daemonFaults(), supervisorFaults()...)
	list = append(list, workerFaults()...)
	list = append(list, coordinatorFaults()...)
	list = append(list, linkFaults()...)
	list = append(list, diskFaults()...)
	list = append(list, bugs()...)
	return append(list, fault{
		name: "a machine dies", limit: session + 5*time.Second, hurts: 6,
		do: func(t *testing.T, c *chaos) {
			c.Supervisors[0].Kill(t)
			for _, w := range c.Workers(t, 0) {
				kill(t, w)
				w.Close()
			}
		},
		mend: func(t *testing.T, c *chaos) {
			c.settled(t)
			startAll(t, c)
		},
	})
}

// daemonFaults hurt those that no tuple needs.
func daemonFaults() []fault {
	return []fault{
		{name: "leader nimbus killed", limit: unnoticed, spare: true, lasts: sessions(3), mend: startAll,
			do: func(t *testing.T, c *chaos) {
				c.Nimbuses[c.leader(t)].Kill(t)
				c.decidesWithin(t, session+time.Second)
			}},
		{name: "standby nimbus killed", limit: unnoticed, spare: true, lasts: sessions(3), mend: startAll,
			do: func(t *testing.T, c *chaos) {
				c.Nimbuses[1-c.leader(t)].Kill(t)
				c.decidesWithin(t, time.Second)
			}},
		{name: "both nimbuses killed", limit: unnoticed, spare: true, lasts: sessions(3), mend: startAll,
			do: func(t *testing.T, c *chaos) { c.Nimbuses[0].Kill(t); c.Nimbuses[1].Kill(t) }},
		{name: "leader nimbus stopped, until after its term", limit: unnoticed, spare: true, lasts: sessions(2),
			do: func(t *testing.T, c *chaos) {
				c.stopped = c.leader(t)
				c.Nimbuses[c.stopped].Signal(t, syscall.SIGSTOP)
				c.decidesWithin(t, session+time.Second)
			},
			mend: func(t *testing.T, c *chaos) {
				old := c.Nimbuses[c.stopped]
				old.Signal(t, syscall.SIGCONT)
				Eventually(t, "it sees that its term is over", func() bool { return old.LogHas("not leading any more") })
				c.whole(t)
				if c.leader(t) == c.stopped {
					t.Error("it leads again, though another leads")
				}
			}},
	}
}

// supervisorFaults hurt supervisors, which no tuple needs either.
func supervisorFaults() []fault {
	var list []fault
	for i := range 3 {
		list = append(list, fault{
			name: fmt.Sprintf("supervisor %d killed", i), limit: unnoticed, spare: true, lasts: sessions(3), mend: startAll,
			do: func(t *testing.T, c *chaos) { c.Supervisors[i].Kill(t) },
		})
	}
	return append(list, []fault{
		{name: "all supervisors killed", limit: unnoticed, spare: true, lasts: sessions(3), mend: startAll,
			do: func(t *testing.T, c *chaos) {
				for _, s := range c.Supervisors {
					s.Kill(t)
				}
			}},
		{name: "supervisor long dead, its worker killed", limit: session + 5*time.Second, hurts: 3, mend: startAll,
			do: func(t *testing.T, c *chaos) {
				machine, w := c.worker(t, 0, 2)
				c.Supervisors[machine].Kill(t)
				time.Sleep(3 * c.Session) // it is dead for that long
				kill(t, w)
				c.settled(t)
			}},
		{name: "a supervisor stopped, its session expires", limit: unnoticed, spare: true, lasts: sessions(2),
			do: func(t *testing.T, c *chaos) { c.Supervisors[2].Signal(t, syscall.SIGSTOP) },
			mend: func(t *testing.T, c *chaos) {
				c.Supervisors[2].Signal(t, syscall.SIGCONT)
				Eventually(t, "the supervisor sees that its session has expired", func() bool { return c.Supervisors[2].LogHas(sessionExpired) })
				c.whole(t)
			}},
	}...)
}

// sessionExpired is what a daemon says when that happens.
const sessionExpired = "coordinator session expired"

// workerFaults hurt workers and their children.
func workerFaults() []fault {
	return []fault{
		{name: "child killed", limit: 500 * time.Millisecond, hurts: 1,
			do: func(t *testing.T, c *chaos) {
				before, _ := c.state(t)
				if err := syscall.Kill(before["4"], syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}},
		{name: "worker killed", limit: 2 * time.Second, hurts: 3, do: func(t *testing.T, c *chaos) { kill(t, c.anyWorker(t)) }},
		{name: "worker stopped", limit: 15 * time.Second, hurts: 3,
			do: func(t *testing.T, c *chaos) {
				if err := c.anyWorker(t).Worker.Signal(syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}},
	}
}

// coordinatorFaults hurt ZooKeeper, or the way to it.
func coordinatorFaults() []fault {
	return []fault{
		{name: "a ZooKeeper follower killed", limit: unnoticed, spare: true, lasts: sessions(1), mend: ensemble,
			do: func(t *testing.T, c *chaos) { c.ZooKeeper.Kill(t, (c.ZooKeeper.Leader(t)+1)%3) }},
		{name: "ZooKeeper's leader killed", limit: unnoticed, spare: true, lasts: sessions(1), mend: ensemble,
			do: func(t *testing.T, c *chaos) { c.ZooKeeper.Kill(t, c.ZooKeeper.Leader(t)) }},
		{name: "no quorum for 60 s", limit: unnoticed, spare: true, lasts: lasts(time.Minute), mend: ensemble,
			do: func(t *testing.T, c *chaos) { c.ZooKeeper.Kill(t, 0); c.ZooKeeper.Kill(t, 1) }},
		{name: "no quorum, and a worker killed", limit: 2 * time.Second, hurts: 3, lasts: sessions(1), mend: ensemble,
			do: func(t *testing.T, c *chaos) {
				c.ZooKeeper.Kill(t, 1)
				c.ZooKeeper.Kill(t, 2)
				kill(t, c.anyWorker(t))
			}},
		{name: "the whole ensemble restarted", limit: unnoticed, spare: true, lasts: sessions(2), mend: ensemble,
			do: func(t *testing.T, c *chaos) {
				for i := range 3 {
					c.ZooKeeper.Kill(t, i)
				}
			}},
		{name: "no way to ZooKeeper, all sessions expire", limit: unnoticed, spare: true, lasts: sessions(2),
			do: func(t *testing.T, c *chaos) {
				for _, p := range c.zk {
					p.Set(faultproxy.Faults{Refuse: true})
					p.Cut()
				}
			},
			mend: func(t *testing.T, c *chaos) {
				for _, p := range c.zk {
					p.Heal()
				}
				c.whole(t)
				for _, d := range append(append([]*Daemon{}, c.Nimbuses...), c.Supervisors...) {
					Eventually(t, d.name+" sees that its session has expired", func() bool { return d.LogHas(sessionExpired) })
				}
			}},
	}
}

// linkFaults hurt the links from all others to the workers of one machine.
func linkFaults() []fault {
	const machine = 2
	links := func(c *chaos) (list []*faultproxy.Proxy) {
		for _, p := range c.links {
			if strings.HasPrefix(p.Addr(), outside(machine)+":") {
				list = append(list, p)
			}
		}
		return list
	}
	// to does something to the links, and waits until workers have noticed.
	to := func(do func(*faultproxy.Proxy)) func(*testing.T, *chaos) {
		return func(t *testing.T, c *chaos) {
			list := links(c)
			before := connections(list)
			for _, p := range list {
				do(p)
			}
			Eventually(t, "connections are made again", func() bool { return connections(list) > before })
		}
	}
	heal := func(_ *testing.T, c *chaos) {
		for _, p := range links(c) {
			p.Heal()
		}
	}
	// Five seconds without a sign give a connection up.
	const noticed = 6 * time.Second
	return []fault{
		{name: "links cut", limit: unnoticed, spare: true, do: to((*faultproxy.Proxy).Cut)},
		{name: "links stalled for 10 s", limit: 10*time.Second + unnoticed, lasts: lasts(10*time.Second - noticed), mend: heal,
			do: to(func(p *faultproxy.Proxy) { p.Set(faultproxy.Faults{StallToServer: true, StallToClient: true}) })},
		{name: "links half open", limit: noticed, do: to((*faultproxy.Proxy).Freeze)},
	}
}

// diskFaults hurt what a supervisor has on its disk.
func diskFaults() []fault {
	full := func(c *chaos) string { return filepath.Join(c.disk, "full") }
	fill := func(t *testing.T, c *chaos) {
		if c.disk == "" {
			t.Skip("no disk can be mounted here")
		}
		f, err := os.Create(full(c))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		zeros, err := os.Open("/dev/zero")
		if err != nil {
			t.Fatal(err)
		}
		defer zeros.Close()
		if _, err := io.Copy(f, zeros); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk is not full: %v", err)
		}
	}
	empty := func(t *testing.T, c *chaos) { remove(t, full(c)) }
	return []fault{
		{name: "a full disk under a supervisor", limit: unnoticed, spare: true, lasts: sessions(2), do: fill, mend: empty},
		// If what has died made no room for another, that cannot be started, and moves 15 s after its session has ended.
		{name: "a full disk, and a worker killed", limit: session + 20*time.Second, hurts: 3, mend: empty,
			do: func(t *testing.T, c *chaos) {
				fill(t, c)
				_, w := c.worker(t, diskMachine)
				kill(t, w)
				c.settled(t)
			}},
		{name: "code changed on disk, and a worker killed", limit: 2 * time.Second, hurts: 3,
			do: func(t *testing.T, c *chaos) {
				machine, w := c.worker(t, 0, 2)
				c.spoil(t, machine, "work.py")
				kill(t, w)
				Eventually(t, "the supervisor notices that the code was changed", func() bool { return c.Supervisors[machine].LogHas(fetchedAgain) })
			}},
	}
}

// lastWords is how the line begins with which a daemon ends that has panicked.
const lastWords = "daemon ends: a bug in it"

// bugs have daemons panic.
func bugs() []fault {
	daemon := func(which func(*testing.T, *chaos) *Daemon) func(*testing.T, *chaos) {
		return func(t *testing.T, c *chaos) {
			d := which(t, c)
			d.Signal(t, syscall.SIGUSR2)
			ended := make(chan int, 1)
			go func() { ended <- d.Wait() }()
			select {
			case code := <-ended:
				if log := d.Log(); code != crash.ExitCode || strings.Count(log, lastWords) != 1 || !strings.Contains(log, "crash.injected (") {
					t.Errorf("exit code %d, and the log says\n%s", code, log)
				}
			case <-time.After(time.Second):
				t.Fatal("it has panicked, and lives a second later")
			}
		}
	}
	return []fault{
		{name: "a bug in the leader nimbus", limit: unnoticed, spare: true, mend: startAll,
			do: daemon(func(t *testing.T, c *chaos) *Daemon { return c.Nimbuses[c.leader(t)] })},
		{name: "a bug in a supervisor", limit: unnoticed, spare: true, mend: startAll,
			do: daemon(func(_ *testing.T, c *chaos) *Daemon { return c.Supervisors[2] })},
		{name: "a bug in a log server", limit: unnoticed, spare: true,
			do: func(t *testing.T, c *chaos) {
				list := c.LogServers(t, 0)
				if len(list) != 1 {
					t.Fatalf("%d log servers", len(list))
				}
				defer list[0].Close()
				if err := list[0].Signal(syscall.SIGUSR2); err != nil {
					t.Fatal(err)
				}
				Eventually(t, "its log says what broke, in one line", func() bool {
					return strings.Count(readAll(t, filepath.Join(c.supervisorDir(0), "logview.log*")), lastWords) == 1
				})
				c.whole(t)
			}},
		{name: "a bug in a worker", limit: 2 * time.Second, hurts: 3,
			do: func(t *testing.T, c *chaos) {
				machine, w := c.worker(t, 0, 2)
				if err := w.Worker.Signal(syscall.SIGUSR2); err != nil {
					t.Fatal(err)
				}
				Eventually(t, "its supervisor says how it ended", func() bool { return c.Supervisors[machine].LogHas("exited with code 20") })
				if !strings.Contains(readAll(t, filepath.Join(c.supervisorDir(machine), "logs", "numbers", "*", "worker.log*")), lastWords) {
					t.Error("the worker's log does not say what broke")
				}
			}},
	}
}

// readAll returns what is in the files of a pattern.
func readAll(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
