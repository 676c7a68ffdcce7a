package hosttest

import (
	"strings"
	"testing"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

// A cluster as it is on several machines: TLS to ZooKeeper, a key, addresses
// of its own for every machine. Numbers, logs and figures come through.
func TestSecuredCluster(t *testing.T) {
	t.Parallel()
	server, ca := zookeepertest.StartSecure(t)
	c := Start(t, Config{ZooKeeper: server, ZooKeeperCA: ca, Supervisors: 2, Flags: func(i int) []string { return []string{"--address", outside(i)} }})
	n := NewNumbers(t, 4, 5_000, 5_000)
	c.MustCLI(t, "deploy", n.Topology)
	n.AllDone(t)
	f, err := c.API.Figures(t.Context(), "numbers")
	if err != nil || len(f.Workers) != 4 || len(f.Silent) != 0 {
		t.Errorf("figures: %+v, %v", f, err)
	}
	Eventually(t, "logs of both machines", func() bool {
		out, code := c.CLI(t, "logs", "numbers")
		return code == 0 && strings.Contains(out, "machine0") && strings.Contains(out, "machine1")
	})
	for machine := range 2 {
		if log := c.WorkerLog(t, machine, "numbers"); strings.Contains(log, "link refused") || strings.Contains(log, `"level":"ERROR"`) {
			t.Errorf("machine %d: %s", machine, log)
		}
	}
	if out, code := c.CLI(t, "doctor"); code != 0 || !strings.Contains(out, "mode standalone") {
		t.Errorf("doctor: exit code %d\n%s", code, out)
	}
	c.MustCLI(t, "kill", "numbers")
}
