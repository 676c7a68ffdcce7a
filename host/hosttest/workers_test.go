package hosttest

import (
	"syscall"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/slot"
)

// A topology in four workers on two machines: every number arrives once.
func TestSeveralWorkers(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2})
	n := NewNumbers(t, 4, 10_000, 10_000)
	c.MustCLI(t, "deploy", n.Topology)
	n.AllDone(t)
	for number, times := range n.Arrived(t) {
		if times != 1 {
			t.Errorf("%d arrived %d times, and nothing had failed", number, times)
		}
	}
	f, err := c.API.Figures(t.Context(), "numbers")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Workers) != 4 {
		t.Errorf("figures of %d workers", len(f.Workers))
	}
	for _, w := range f.Workers {
		received := int64(0)
		for _, task := range w.Tasks {
			received += task.Received
		}
		if received == 0 {
			t.Errorf("the worker at %s got nothing", w.Place)
		}
	}
	c.MustCLI(t, "kill", "numbers")
}

// Workers are killed, one after the other, and none of the numbers is lost.
func TestWorkersKilled(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2})
	n := NewNumbers(t, 4, 0, 2_000)
	c.MustCLI(t, "deploy", n.Topology)
	for machine := range 2 {
		for i := range 2 {
			n.flows(t)
			workers := c.Workers(t, machine)
			if len(workers) != 2 {
				t.Fatalf("machine %d has %d workers", machine, len(workers))
			}
			kill(t, workers[i])
			for _, w := range workers {
				w.Close()
			}
			Eventually(t, "its supervisor has another one", func() bool {
				now := c.Workers(t, machine)
				defer func() {
					for _, w := range now {
						w.Close()
					}
				}()
				return len(now) == 2
			})
		}
	}
	n.AllDone(t)
	c.MustCLI(t, "kill", "numbers")
}

// A machine dies, with all that is on it: the rest takes its tasks.
func TestAMachineDies(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2, Slots: 4})
	n := NewNumbers(t, 4, 0, 2_000)
	c.MustCLI(t, "deploy", n.Topology)
	n.flows(t)
	c.Supervisors[1].Kill(t)
	for _, w := range c.Workers(t, 1) {
		kill(t, w)
		w.Close()
	}
	n.AllDone(t)
	if left := c.Workers(t, 1); len(left) != 0 {
		t.Errorf("%d workers on a machine that is dead", len(left))
	}
	c.MustCLI(t, "kill", "numbers")
}

// flows waits until numbers arrive that had not been emitted before.
func (n *Numbers) flows(t *testing.T) {
	t.Helper()
	before := n.Committed(t)
	Eventually(t, "numbers flow", func() bool { return n.Committed(t) > before+500 })
}

// kill ends a worker, and waits until its guardian is gone too.
func kill(t *testing.T, w *slot.Peer) {
	t.Helper()
	if err := w.Worker.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.Guardian.Done():
	case <-time.After(Patience):
		t.Error("a guardian lives on without its worker")
	}
}
