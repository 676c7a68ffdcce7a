package hosttest

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/faultproxy"
	"github.com/polybolt/polybolt/host/cluster"
)

// behindProxies is for machines whose workers are reached at another address
// than the one they listen on, as behind a translation of addresses. On Linux
// all of 127.0.0.0/8 is this machine.
func behindProxies(supervisor int) []string {
	return []string{"--address", outside(supervisor), "--bind", "127.0.0.1"}
}

func outside(supervisor int) string { return fmt.Sprintf("127.0.0.%d", 2+supervisor) }

// proxies puts one before every data port of every slot.
func (c *Cluster) proxies(t *testing.T) (list []*faultproxy.Proxy) {
	t.Helper()
	for i := range c.Supervisors {
		b, err := os.ReadFile(filepath.Join(c.supervisorDir(i), "ports.json"))
		if err != nil {
			t.Fatal(err)
		}
		var slots []cluster.Ports
		if err := json.Unmarshal(b, &slots); err != nil {
			t.Fatal(err)
		}
		for _, ports := range slots {
			for _, port := range ports {
				port := strconv.Itoa(port)
				list = append(list, faultproxy.StartAt(t, net.JoinHostPort(outside(i), port), "tcp", net.JoinHostPort("127.0.0.1", port)))
			}
		}
	}
	return list
}

// connections counts all that there have been.
func connections(proxies []*faultproxy.Proxy) (n int) {
	for _, p := range proxies {
		n += p.Connections()
	}
	return n
}

// Links between workers of two machines are cut again and again, stall in
// either direction or in both, and are half open: no number is lost, and no
// worker and no child is started again.
func TestLinksFail(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 2, Flags: behindProxies})
	proxies := c.proxies(t)
	n := NewNumbers(t, 4, 0, 1_000)
	c.MustCLI(t, "deploy", n.Topology)
	n.flows(t)
	before := c.children(t)
	if before == "" {
		t.Fatal("no children")
	}
	if connections(proxies) < 16 { // two links each way between 2 × 2 workers
		t.Errorf("%d connections go through the proxies", connections(proxies))
	}
	for range 20 {
		was, done := connections(proxies), n.Committed(t)
		for _, p := range proxies {
			p.Cut()
		}
		Eventually(t, "links connect again", func() bool { return connections(proxies) > was && n.Committed(t) > done })
	}
	for name, faults := range map[string]faultproxy.Faults{
		"to the receiver": {StallToServer: true},
		"to the sender":   {StallToClient: true},
		"both ways":       {StallToServer: true, StallToClient: true},
	} {
		was := connections(proxies)
		for _, p := range proxies {
			p.Set(faults)
		}
		Eventually(t, "the silence "+name+" is noticed", func() bool { return connections(proxies) > was })
		for _, p := range proxies {
			p.Heal()
		}
		n.flows(t)
	}
	for _, p := range proxies {
		p.Freeze()
	}
	n.flows(t)
	n.AllDone(t)
	if after := c.children(t); after != before {
		t.Errorf("children were disturbed: %s, before %s", after, before)
	}
	for machine := range 2 {
		if log := c.WorkerLog(t, machine, "numbers"); !strings.Contains(log, "link up again") {
			t.Errorf("no worker of machine %d has noticed anything", machine)
		}
	}
	c.MustCLI(t, "kill", "numbers")
}
